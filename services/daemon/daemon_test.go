//go:build unix

package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keepLog restores slog's default logger at the test's end.
func keepLog(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
}

func TestExecute(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		run    error
		status int
		config string // what run got; empty: it was not called
		stdout string // parts
		stderr string
	}{
		{name: "default configuration", config: "configs/score.yaml", stderr: "level=INFO"},
		{name: "other configuration", args: []string{"--config", "x.yaml"}, config: "x.yaml", stderr: "level=INFO"},
		{name: "quiet", args: []string{"--log-level", "warn"}, config: "configs/score.yaml"},
		{name: "json", args: []string{"--log-format=json"}, config: "configs/score.yaml", stderr: `"level":"INFO"`},
		{name: "failure", run: errors.New("no such hunt"), config: "configs/score.yaml", status: 1, stderr: "scored: no such hunt"},
		{name: "help", args: []string{"--help"}, stdout: "--config"},
		{name: "version", args: []string{"--version"}, stdout: "scored "},
		{name: "unknown flag", args: []string{"--confg=x"}, status: 2, stderr: "--confg"},
		{name: "unknown level", args: []string{"--log-level=loud"}, status: 2, stderr: "loud"},
		{name: "unknown format", args: []string{"--log-format=xml"}, status: 2, stderr: "xml"},
		{name: "argument", args: []string{"x.yaml"}, status: 2, stderr: "x.yaml"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			keepLog(t)
			var stdout, stderr bytes.Buffer
			var config string
			status := execute("scored", test.args, &stdout, &stderr, func(_ context.Context, path string) error {
				config = path
				slog.Info("running")
				return test.run
			})
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if !strings.HasSuffix(config, test.config) || (config == "") != (test.config == "") {
				t.Errorf("run got %q, want %q", config, test.config)
			}
			if !strings.Contains(stdout.String(), test.stdout) || (test.stdout == "") != (stdout.Len() == 0) {
				t.Errorf("standard output: %q, want %q", &stdout, test.stdout)
			}
			if !strings.Contains(stderr.String(), test.stderr) || (test.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("standard error: %q, want %q", &stderr, test.stderr)
			}
		})
	}
}

func TestSignalsEndTheContext(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			keepLog(t)
			status := execute("scored", nil, &bytes.Buffer{}, &bytes.Buffer{}, func(ctx context.Context, _ string) error {
				if err := syscall.Kill(os.Getpid(), signal); err != nil {
					return err
				}
				<-ctx.Done() // or the test would never end
				return nil
			})
			if status != 0 {
				t.Errorf("status %d, want 0", status)
			}
		})
	}
}

// fake is a service that writes down what is asked of it.
type fake struct {
	calls    []string
	node     *mesh.Node
	serveErr error
	serving  func() // called by Serve
}

func (f *fake) Declare(*mesh.Config) { f.calls = append(f.calls, "declare") }

func (f *fake) Serve(ctx context.Context, node *mesh.Node) error {
	f.calls = append(f.calls, "serve")
	f.node = node
	if f.serving != nil {
		f.serving()
	}
	return errors.Join(f.serveErr, ctx.Err())
}

func (f *fake) Check(context.Context) error { return nil }

func (f *fake) URL() string { return "http://127.0.0.1:0" }

func (f *fake) StopServing(ctx context.Context) error {
	f.calls = append(f.calls, "stop serving")
	return ctx.Err()
}

func (f *fake) StopRelaying() {
	if f.node != nil && errors.Is(pinged.Emit(f.node.Context(context.Background()), ping{}), mesh.ErrClosed) {
		f.calls = append(f.calls, "stop relaying after the node")
	}
	f.calls = append(f.calls, "stop relaying")
}

func (f *fake) Close(ctx context.Context) error {
	if f.node != nil && !errors.Is(pinged.Emit(f.node.Context(ctx), ping{}), mesh.ErrClosed) {
		f.calls = append(f.calls, "close before the node")
	}
	f.calls = append(f.calls, "close")
	return ctx.Err()
}

type ping struct{}

var pinged = mesh.NewEvent[ping]("score.daemon.pinged")

func TestServeStartsAndStopsInOrder(t *testing.T) {
	broken := errors.New("port is taken")
	tests := []struct {
		name  string
		node  string
		serve error
		want  []string
	}{
		{"clean", "score-1", nil, []string{"declare", "serve", "stop serving", "stop relaying", "close"}},
		{"cannot serve", "score-1", broken, []string{"declare", "serve", "stop serving", "stop relaying", "close"}},
		{"bad node", "Score!", nil, []string{"declare", "close"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			keepLog(t)
			slog.SetDefault(slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			f := &fake{serveErr: test.serve, serving: cancel}
			err := Serve(ctx, Config{Mesh: mesh.Config{Name: test.node}}, f, nil)
			if clean := test.name == "clean"; clean != (err == nil) {
				t.Errorf("error: %v", err)
			}
			if test.serve != nil && !errors.Is(err, test.serve) {
				t.Errorf("error: %v, want %v", err, test.serve)
			}
			if !slices.Equal(f.calls, test.want) {
				t.Errorf("calls: %q, want %q", f.calls, test.want)
			}
		})
	}
}
