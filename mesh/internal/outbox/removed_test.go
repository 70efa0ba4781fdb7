package outbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// A data directory that is removed while a node runs is told at once. JetStream goes on to write
// into the files that it has open, and says that all is well for some hundred messages.
func TestAttackADirectoryRemovedWhileRunning(t *testing.T) {
	for name, remove := range map[string]func(s *site) string{
		"all of it":  func(s *site) string { return s.config.Dir },
		"the stream": func(s *site) string { return s.streamDir() },
		"JetStream":  func(s *site) string { return filepath.Join(s.config.Dir, "jetstream") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(s *site) { s.config.tuning.interval = time.Hour }).open(t)
			s.store(t, taken, 1, 3)
			path := remove(s)
			aside := filepath.Join(t.TempDir(), "aside")
			if err := os.Rename(path, aside); err != nil {
				t.Fatal(err)
			}
			eventually(t, "that it is noticed", func() bool { return errors.Is(s.Writable(), ErrDisk) })
			if why := s.Writable().Error(); !strings.Contains(why, " in "+s.config.Dir+": it was removed") {
				t.Errorf("health says %q", why)
			}
			eventually(t, "a line with a remedy", func() bool { return strings.Contains(s.log.String(), `remedy="free the disk at `+s.config.Dir) })
			if _, err := s.Store(timeout(t), taken+".t1", id(4), []byte("4")); !errors.Is(err, ErrDisk) {
				t.Errorf("a message for a directory that is gone: %v", err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s was made anew (%v)", path, err)
			}
			if err := os.Rename(aside, path); err != nil { // put back, it goes on
				t.Fatal(err)
			}
			s.trimmer.soon()
			eventually(t, "that it is back", func() bool { return s.Writable() == nil })
			s.store(t, taken, 4, 5)
			p := s.reader(t, "score", taken)
			for range 5 {
				p.answer(t, wire.Handled, p.get(t, 1)...)
			}
		})
	}
}
