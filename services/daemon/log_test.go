//go:build unix

package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh/config"
)

// load reads the configuration of a log.
func load(t *testing.T, log string) (c own, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "service.yaml")
	if err := os.WriteFile(path, []byte("mesh: {name: clue-1}\ndata: data\nhunt: hunt.yaml\n"+log), 0o600); err != nil {
		t.Fatal(err)
	}
	return c, config.LoadYAML(path, &c)
}

// The file has the levels; a flag takes the place of the general one, and not of the packages'.
func TestLevelsOfTheFile(t *testing.T) {
	for _, test := range []struct {
		name, file string
		args       []string
		want       string // the levels that are logged here, in package daemon
	}{
		{"default", "", nil, "INFO WARN ERROR"},
		{"file", "log: {level: warn}\n", nil, "WARN ERROR"},
		{"package", "log: {level: error, packages: {daemon: debug}}\n", nil, "DEBUG INFO WARN ERROR"},
		{"another package", "log: {level: error, packages: {leaf: debug}}\n", nil, "ERROR"},
		{"flag", "log: {level: error}\n", []string{"--log-level", "debug"}, "DEBUG INFO WARN ERROR"},
		{"flag and package", "log: {packages: {daemon: error}}\n", []string{"--log-level", "debug"}, "ERROR"},
	} {
		t.Run(test.name, func(t *testing.T) {
			keepLog(t)
			c, err := load(t, test.file)
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			execute("scored", test.args, &bytes.Buffer{}, &stderr, func(context.Context, string) error {
				c.Log.Apply()
				for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
					slog.Log(t.Context(), level, "said")
				}
				return nil
			})
			var got []string
			for line := range strings.Lines(stderr.String()) {
				_, after, _ := strings.Cut(line, "level=")
				level, _, _ := strings.Cut(after, " ")
				got = append(got, level)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("logged %q, want %q", got, test.want)
			}
		})
	}
}

func TestLevelsOfTheFileAreChecked(t *testing.T) {
	for file, want := range map[string]string{
		"log: {level: loud}\n":                                 ":4: log.level: ",
		"log:\n  packages:\n    leaf: debug\n    leef: info\n": ":7: log.packages.leef: no package of this name logs; give one of archive, ",
		"log: {packages: {leaf: loud}}\n":                      ":4: log.packages.leaf: ",
	} {
		if _, err := load(t, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", file, err, want)
		}
	}
}

// What a daemon has counted is written when it ends.
func TestTheLogIsWrittenToItsEnd(t *testing.T) {
	keepLog(t)
	var stderr bytes.Buffer
	execute("scored", nil, &bytes.Buffer{}, &stderr, func(context.Context, string) error {
		for range 10 {
			slog.Warn("said")
		}
		return nil
	})
	if got := stderr.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "msg=said times=9 since=") {
		t.Errorf("logged\n%s", got)
	}
}
