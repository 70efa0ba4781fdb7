//go:build unix

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/console"
	"leafmesh/mesh/metrics"
)

// ports hears from the log where a daemon's ports are, by what the log calls them.
type ports struct {
	found map[string]string
	all   chan map[string]string // has them once each is there
}

func (p ports) Write(line []byte) (int, error) {
	var said struct{ Msg, URL string }
	if err := json.Unmarshal(line, &said); err != nil {
		return 0, err
	}
	if said.Msg == "metrics" || said.Msg == "console" {
		p.found[said.Msg] = said.URL
		if len(p.found) == 2 {
			p.all <- p.found
		}
	}
	return len(line), nil
}

// printed is a command of a document, and what stands below it.
type printed struct{ command, says string }

// curls reads the commands of a document that begin with curl.
func curls(t *testing.T, path string) (list []printed) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(text), "\n\n") {
		if command, isCurl := strings.CutPrefix(block, "    curl "); isCurl {
			command, says, _ := strings.Cut(command, "\n    ")
			list = append(list, printed{"curl " + command, strings.ReplaceAll(says, "\n    ", "\n")})
		}
	}
	return list
}

// Each curl of docs/operations.md says what is printed there.
func TestCurlSaysWhatIsPrinted(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no curl: in CI it is installed by .ci/run")
		}
		t.Skip("there is no curl: install it for this test")
	}
	commands := curls(t, "../../docs/operations.md")
	if len(commands) < 7 {
		t.Fatalf("%d commands", len(commands))
	}
	const token = "0123456789abcdef"
	dir := t.TempDir()
	file := filepath.Join(dir, "configs", "keys", "clue-1.token")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(token+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	keepLog(t)
	heard := ports{map[string]string{}, make(chan map[string]string, 1)}
	slog.SetDefault(slog.New(slog.NewJSONHandler(heard, nil)))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c := Config{Mesh: mesh.Config{Name: "clue-1"}, Console: &console.Config{Listen: "127.0.0.1:0"},
		Metrics: &metrics.Config{Listen: "127.0.0.1:0", Token: mesh.NewSecret(token), Pprof: true}}
	f := &fake{}
	f.serving = func() {
		defer cancel()
		found := <-heard.all
		ports := strings.NewReplacer("127.0.0.1:9101", hostOf(t, found["metrics"]), "127.0.0.1:9201", hostOf(t, found["console"]))
		for _, p := range commands {
			run := exec.CommandContext(ctx, "sh", "-c", ports.Replace(p.command))
			run.Dir = dir
			said, err := run.CombinedOutput()
			if err != nil || strings.TrimSpace(string(said)) != p.says {
				t.Errorf("%s\nsays\n%s%v, and the document has\n%s", p.command, said, err, p.says)
			}
		}
	}
	if err := Serve(ctx, c, f, nil); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
