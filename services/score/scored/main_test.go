package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const huntYAML = `
id: spring
title: Spring
clues:
  - {id: one, title: One, points: 1, answers: [x], unlock: {start: true}}
`

// folder makes a folder with a configuration and a hunt file, and returns the path of the former.
func folder(t *testing.T, config, hunt string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"score.yaml": config, "hunt.yaml": hunt} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "score.yaml")
}

// urls is a log handler that passes on the URLs in what is logged.
type urls struct{ found chan string }

func (u urls) Enabled(context.Context, slog.Level) bool { return true }
func (u urls) WithAttrs([]slog.Attr) slog.Handler       { return u }
func (u urls) WithGroup(string) slog.Handler            { return u }
func (u urls) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "url" {
			u.found <- a.Value.String()
		}
		return true
	})
	return nil
}

func TestRunServesUntilItsContextEnds(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	log := urls{make(chan string, 1)}
	slog.SetDefault(slog.New(log))
	path := folder(t, "mesh: {name: score-1}\nhttp: 127.0.0.1:0\ndata: data\nhunt: hunt.yaml\n", huntYAML)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, path) }()
	select {
	case url := <-log.found:
		answer, err := http.Get(url + "/v1/leaderboard")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if err != nil || answer.StatusCode != 200 {
			t.Errorf("status %d: %s (%v)", answer.StatusCode, body, err)
		}
	case err := <-ended:
		t.Fatalf("run ended at once: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run returned %v after a clean stop", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "data", "score.db")); err != nil {
		t.Errorf("the database is not in its folder: %v", err)
	}
}

func TestRunNamesWhatIsWrong(t *testing.T) {
	const good = "mesh: {name: score-1}\ndata: data\nhunt: hunt.yaml\n"
	tests := []struct{ name, config, hunt, want string }{
		{"unknown key", good + "htpp: x\n", huntYAML, "score.yaml:4: htpp"},
		{"bad address", good + "http: x\n", huntYAML, "score.yaml:4: http"},
		{"no data folder", "mesh: {name: score-1}\nhunt: hunt.yaml\n", huntYAML, "data"},
		{"data is a file", good + "# data\n", huntYAML, "score.db"},
		{"bad hunt", good, "id: spring\n", "hunt.yaml"},
		{"unstable name", "mesh: {name: score}\ndata: data\nhunt: hunt.yaml\n", huntYAML, "score.yaml:1: mesh.name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := folder(t, test.config, test.hunt)
			if test.name == "data is a file" {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), "data"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := run(context.Background(), path); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	if err := run(context.Background(), filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a missing file: %v", err)
	}
}
