//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/configs"
	"leafmesh/mesh/meshtest"
)

// The daemon as service managers see it: how it ends, and what it tells them.

// build builds the daemon.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "clued")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the daemon: %v\n%s", err, out)
	}
	return program
}

// site is a folder with a file for one daemon, which stands alone.
type site struct {
	dir, program, file string
	ports              map[string]string
}

// newSite writes the file; lines are added at its end.
func newSite(t *testing.T, program, lines string) site {
	t.Helper()
	s := site{dir: t.TempDir(), program: program, ports: map[string]string{"http": meshtest.FreeAddress(t), "metrics": meshtest.FreeAddress(t), "tap": meshtest.FreeAddress(t), "listen": meshtest.FreeAddress(t)}}
	own, peer := keys(t), keys(t)
	seed, err := own.Seed()
	if err != nil {
		t.Fatal(err)
	}
	public, err := peer.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "seed"), string(seed))
	hunt, err := configs.Files.ReadFile("sample-hunt.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "hunt.yaml"), string(hunt))
	write(t, filepath.Join(s.dir, "tap"), "0123456789abcdefghijklmnopqrstuvwxyzABCD")
	s.file = filepath.Join(s.dir, "clue.yaml")
	write(t, s.file, fmt.Sprintf(`mesh:
  name: clue-1
  listen: %q
  seed: {file: seed}
  data: data/mesh
  tap: {listen: %q, user: operator, password: {file: tap}}
  exports: [{event: clue.clue.solved, kept_for: [score]}]
  peers: [{name: score-1, key: %s, may_import: all}]
http: %q
metrics: {listen: %q}
data: data
hunt: hunt.yaml
%s`, s.ports["listen"], s.ports["tap"], public, s.ports["http"], s.ports["metrics"], lines))
	return s
}

func keys(t *testing.T) nkeys.KeyPair {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// process is a daemon that runs. It is killed at the end of the test.
type process struct {
	*exec.Cmd
	stderr lockedBuffer
	ended  chan error
}

func (s site) start(t *testing.T, environment ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(s.program, "--config", s.file), ended: make(chan error, 1)}
	p.Cmd.Stderr = &p.stderr
	p.Cmd.Env = append(os.Environ(), environment...)
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		if t.Failed() {
			t.Logf("%s", p.stderr.String())
		}
	})
	return p
}

// status waits for the end.
func (p *process) status(t *testing.T) int {
	t.Helper()
	select {
	case err := <-p.ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return p.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
		return 0
	}
}

// lockedBuffer is written by one goroutine and read by another.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// The exit status tells what somebody has to change from what passes by itself.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	program := build(t)
	take := func(t *testing.T, address string) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	for _, test := range []struct {
		name    string
		lines   string // of the file, in place of good ones
		prepare func(t *testing.T, s site)
		want    int
		says    string
	}{
		{name: "a mistake in the file", lines: "huntt: x\n", want: 78, says: "huntt: unknown key"},
		{name: "no file", prepare: func(t *testing.T, s site) { remove(t, s.file) }, want: 78, says: "no such file"},
		{name: "no hunt", prepare: func(t *testing.T, s site) { remove(t, filepath.Join(s.dir, "hunt.yaml")) }, want: 78, says: "load hunt file"},
		{name: "a password that is gone", prepare: func(t *testing.T, s site) { remove(t, filepath.Join(s.dir, "tap")) }, want: 78, says: "mesh.tap.password"},
		{name: "data of another service", prepare: func(t *testing.T, s site) {
			if err := os.MkdirAll(filepath.Join(s.dir, "data", "mesh"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(s.dir, "data", "mesh", "service"), "score\n")
		}, want: 78, says: `service "score"`},
		{name: "a damaged database", prepare: func(t *testing.T, s site) {
			if err := os.MkdirAll(filepath.Join(s.dir, "data"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(s.dir, "data", "clue.db"), strings.Repeat("no database ", 1000))
		}, want: 78, says: "clue.db"},
		{name: "the leaf port is taken", prepare: func(t *testing.T, s site) { take(t, s.ports["listen"]) }, want: 75, says: "cannot listen"},
		{name: "the tap's port is taken", prepare: func(t *testing.T, s site) { take(t, s.ports["tap"]) }, want: 75, says: "cannot listen"},
		{name: "the API's port is taken", prepare: func(t *testing.T, s site) { take(t, s.ports["http"]) }, want: 75, says: "address already in use"},
		{name: "the port of metrics is taken", prepare: func(t *testing.T, s site) { take(t, s.ports["metrics"]) }, want: 75, says: "address already in use"},
		{name: "the data is in use", prepare: func(t *testing.T, s site) {
			other := s.start(t)
			await(t, "the other one to serve", func() bool { return strings.Contains(other.stderr.String(), "msg=serving") })
		}, want: 75, says: "in use by another"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, program, test.lines)
			if test.prepare != nil {
				test.prepare(t, s)
			}
			p := s.start(t)
			if status := p.status(t); status != test.want || !strings.Contains(p.stderr.String(), test.says) {
				t.Errorf("status %d, want %d and %q:\n%s", status, test.want, test.says, p.stderr.String())
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// A daemon that is to stop says so at /readyz and to its manager, and serves on for the time that
// its file gives.
func TestStopsNotReadyFirst(t *testing.T) {
	t.Parallel()
	const delay = 2 * time.Second
	s := newSite(t, build(t), "stop_delay: 2s\n")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(s.dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var told lockedBuffer
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				return
			}
			fmt.Fprintf(&told, "%s\n", buffer[:n])
		}
	}()
	p := s.start(t, "NOTIFY_SOCKET="+socket.LocalAddr().String(), "WATCHDOG_USEC=200000")
	tells := func(line string) func() bool {
		return func() bool { return strings.Contains(told.String(), line+"\n") }
	}
	for _, line := range []string{"READY=1", "STATUS=ready", "WATCHDOG=1"} {
		await(t, line, tells(line))
	}
	ready, api := "http://"+s.ports["metrics"]+"/readyz", "http://"+s.ports["http"]+"/healthz"
	if status, text := get(t, ready); status != 200 {
		t.Fatalf("before: %d %s", status, text)
	}
	begun := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "STOPPING=1", tells("STOPPING=1"))
	await(t, "/readyz to say so", func() bool { status, _ := get(t, ready); return status == 503 })
	if status, _ := get(t, api); status != 200 {
		t.Errorf("the API answers %d while load balancers take notice", status)
	}
	if status, lasted := p.status(t), time.Since(begun); status != 0 || lasted < delay {
		t.Errorf("it ended after %v with status %d, want %v or more, and 0", lasted, status, delay)
	}
}

func get(t *testing.T, url string) (status int, text string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, string(body)
}

// The log and --version say which version runs.
func TestSaysItsVersion(t *testing.T) {
	t.Parallel()
	program := build(t)
	out, err := exec.Command(program, "--version").Output()
	if err != nil || !regexp.MustCompile(`^clued \S.*, wire version 2\n$`).Match(out) {
		t.Errorf("%v: %q", err, out)
	}
	s := newSite(t, program, "")
	p := s.start(t)
	await(t, "a line with the version", func() bool {
		return regexp.MustCompile(`msg="node is open" node=clue-1 version=\S.* wire=2`).MatchString(p.stderr.String())
	})
}
