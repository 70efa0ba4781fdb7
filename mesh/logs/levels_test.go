package logs

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

func TestLevelsOfPackages(t *testing.T) {
	var text bytes.Buffer
	levels := &Levels{}
	const debug, info, warn, failure = slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError
	packages := func(name string, level slog.Level) map[string]slog.Level { return map[string]slog.Level{name: level} }
	for _, test := range []struct {
		name     string
		set      func()
		from, to slog.Level // the last level that is not written, and the first that is
	}{
		{"zero", func() {}, debug, info},
		{"general", func() { levels.Set(warn, nil) }, info, warn},
		{"another package", func() { levels.Set(failure, packages("leaf", debug)) }, warn, failure},
		{"a part of the name", func() { levels.Set(failure, packages("ogs", debug)) }, warn, failure},
		{"the last word", func() { levels.Set(failure, packages("logs", info)) }, debug, info},
		{"the whole path", func() { levels.Set(info, packages("leafmesh/mesh/logs", failure)) }, warn, failure},
		{"the longest", func() {
			levels.Set(info, map[string]slog.Level{"logs": debug, "mesh/logs": warn, "leafmesh": failure})
		}, info, warn},
		{"back", func() { levels.Set(info, nil) }, debug, info},
	} {
		test.set()
		text.Reset()
		h := New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: All}), levels)
		log := slog.New(h)
		log.Log(t.Context(), test.from, test.name+" from")
		log.Log(t.Context(), test.to, test.name+" to")
		if got := text.String(); strings.Contains(got, " from") || !strings.Contains(got, " to") {
			t.Errorf("%s: %q", test.name, got)
		}
		if !log.Enabled(t.Context(), test.to) {
			t.Errorf("%s: %v is not enabled", test.name, test.to)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: All}), levels).Enabled(t.Context(), debug) {
		t.Error("no package wants debug, and yet records of it are made")
	}
}

func TestLevelsChangeWhileOthersLog(t *testing.T) {
	levels := &Levels{}
	h := New(slog.DiscardHandler, levels)
	defer h.Close()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 1000 {
				levels.Set(slog.Level(i), map[string]slog.Level{"logs": slog.LevelDebug})
				slog.New(h).Info("a")
				levels.writes(slog.LevelInfo, 1)
			}
		})
	}
	all.Wait()
}
