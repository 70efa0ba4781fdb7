package outbox

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/leaf"
)

// damagedSite has 750 messages in 4 files, of which score has taken 5; it is stopped.
func damagedSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, func(s *site) { s.config.MaxBytes = 127_000; s.config.Types = s.config.Types[1:] }).open(t)
	s.storeSingly(t, taken, 1, 750)
	take(t, s.reader(t, "score", taken), 5)
	eventually(t, "5 are removed", func() bool { return s.events(t) == 745 })
	s.stop(t)
	return s
}

func (s *site) streamDir() string { return (&Outbox{config: s.config}).streamDir() }

// block is a file of messages, counted from the first or, below 0, from the last.
func (s *site) block(t *testing.T, n int) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.streamDir(), "msgs", "*.blk"))
	if err != nil || len(names) < 4 {
		t.Fatalf("files %v, %v", names, err)
	}
	slices.Sort(names) // there are less than 10
	return names[(n+len(names))%len(names)]
}

func cut(t *testing.T, file string, bytes int64) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()-bytes); err != nil {
		t.Fatal(err)
	}
}

// flip changes up to 200 bytes in the middle of a file: more than a message.
func flip(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(text) / 2; i < len(text) && i < len(text)/2+200; i++ {
		text[i] ^= 0xff
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func gone(t *testing.T, file string) {
	t.Helper()
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
}

// Damage is found at the start, named with its remedy, found again at the next start,
// and the remedy works.
func TestDamage(t *testing.T) {
	for _, test := range []struct {
		what   string
		damage func(t *testing.T, s *site)
		want   string // in the error
	}{
		{"last file cut", func(t *testing.T, s *site) { cut(t, s.block(t, -1), 5000) }, "it ends at message"},
		{"middle file changed", func(t *testing.T, s *site) { flip(t, s.block(t, 1)) }, "101 messages are missing"},
		{"last file changed", func(t *testing.T, s *site) { flip(t, s.block(t, -1)) }, "it ends at message"},
		{"first file gone", func(t *testing.T, s *site) { gone(t, s.block(t, 0)) }, "messages are missing"},
		{"middle file gone", func(t *testing.T, s *site) { gone(t, s.block(t, 1)) }, "201 messages are missing"},
		{"last file gone", func(t *testing.T, s *site) { gone(t, s.block(t, -1)) }, "it ends at message"},
		{"all messages gone", func(t *testing.T, s *site) { gone(t, filepath.Join(s.streamDir(), "msgs")) }, "it ends at message 0"},
		{"description changed", func(t *testing.T, s *site) { flip(t, filepath.Join(s.streamDir(), "meta.inf")) }, "description is not readable"},
		{"checksum changed", func(t *testing.T, s *site) { flip(t, filepath.Join(s.streamDir(), "meta.sum")) }, "description is not readable"},
		{"description gone", func(t *testing.T, s *site) { gone(t, filepath.Join(s.streamDir(), "meta.inf")) }, "description is not readable"},
		{"stream gone", func(t *testing.T, s *site) { gone(t, s.streamDir()) }, "stream is missing"},
		{"all of JetStream gone", func(t *testing.T, s *site) { gone(t, filepath.Join(s.config.Dir, "jetstream")) }, "stream is missing"},
		{"mark changed", func(t *testing.T, s *site) { flip(t, filepath.Join(s.config.Dir, markName)) }, markName},
		{"mark cut", func(t *testing.T, s *site) { cut(t, filepath.Join(s.config.Dir, markName), 1) }, markName},
		{"floors changed", func(t *testing.T, s *site) { flip(t, filepath.Join(s.config.Dir, floorsName)) }, floorsName},
		{"floors cut", func(t *testing.T, s *site) { cut(t, filepath.Join(s.config.Dir, floorsName), 1) }, floorsName},
		{"floors of another outbox", func(t *testing.T, s *site) {
			if err := floorsFile.Write(filepath.Join(s.config.Dir, floorsName), floors{Identity: "OTHER"}); err != nil {
				t.Fatal(err)
			}
		}, "another stream"},
		{"mark of another outbox", func(t *testing.T, s *site) {
			if err := writeMark(s.config.Dir, mark{Identity: "OTHER"}); err != nil {
				t.Fatal(err)
			}
		}, "another stream"},
	} {
		t.Run(test.what, func(t *testing.T) {
			t.Parallel()
			s := damagedSite(t)
			test.damage(t, s)
			var damaged *DamagedError
			for range 2 {
				err := s.start(t)
				if !errors.As(err, &damaged) || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("want a DamagedError with %q, got %v", test.want, err)
				}
				for _, part := range []string{damaged.File, "restore " + s.config.Dir, "remove ", damaged.Accept} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q is not in: %v", part, err)
					}
				}
				s.stop(t)
			}
			gone(t, damaged.Accept)
			s.open(t)
			before := s.Stats().Identity
			left := s.messages(t) // of one event each
			if damaged.Accept == s.config.Dir && left > 0 {
				t.Errorf("%d messages in a new outbox", left)
			}
			s.store(t, taken, 2000, 2000)
			if got := take(t, s.reader(t, "score", taken), int(left)+1); !strings.HasSuffix(got, "2000") {
				t.Errorf("after the loss was accepted, got %q", got)
			}
			s.reopen(t)
			if s.Stats().Identity != before {
				t.Error("another identity after a restart")
			}
		})
	}
}

// Damage of files in use is said in the log and counted.
func TestDamageWhileOpen(t *testing.T) {
	s := damagedSite(t)
	s.open(t)
	flip(t, s.block(t, 1))
	if err := s.server.ResetOutbox(); err != nil { // what the server has in memory is not damaged
		t.Fatal(err)
	}
	s.reader(t, "score", taken) // so that the stream is read
	eventually(t, "the loss is counted", func() bool { return s.Stats().Lost == 101 })
	if log := s.log.String(); !strings.Contains(log, "lost messages") || !strings.Contains(log, s.streamDir()) {
		t.Errorf("the log does not tell:\n%s", log)
	}
}

// What JetStream can make again by itself, or what loses no message, is no damage.
func TestNoDamage(t *testing.T) {
	for _, test := range []struct {
		what   string
		damage func(t *testing.T, s *site)
	}{
		{"nothing", func(*testing.T, *site) {}},
		{"index changed", func(t *testing.T, s *site) { flip(t, filepath.Join(s.streamDir(), "msgs", "index.db")) }},
		{"index gone", func(t *testing.T, s *site) { gone(t, filepath.Join(s.streamDir(), "msgs", "index.db")) }},
		{"a removal undone", func(t *testing.T, s *site) { cut(t, s.block(t, -1), 10) }},
		{"temporary mark of a crash", func(t *testing.T, s *site) {
			if err := os.WriteFile(filepath.Join(s.config.Dir, markName+".new"), []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			t.Parallel()
			s := damagedSite(t)
			test.damage(t, s)
			s.open(t)
			got := strings.Fields(take(t, s.reader(t, "score", taken), 745))
			if got[0] != "6" || got[744] != "750" {
				t.Errorf("%d messages: %.60q", len(got), got)
			}
			eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
		})
	}
}

// A service that handled more than what is left of the stream skips nothing of what comes.
func TestFloorAheadOfItsStream(t *testing.T) {
	for what, damage := range map[string]func(*testing.T, *site){
		"all is gone":     func(t *testing.T, s *site) { gone(t, filepath.Join(s.streamDir(), "msgs")) },
		"the end is gone": func(t *testing.T, s *site) { cut(t, s.block(t, -1), 5000) },
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t, func(s *site) { s.config.MaxBytes = 127_000; s.config.Types[1].Services = []string{"hunt", "score"} }).open(t)
			s.storeSingly(t, taken, 1, 750)
			take(t, s.reader(t, "score", taken), 750) // and hunt never came
			s.stop(t)
			damage(t, s)
			var damaged *DamagedError
			if err := s.start(t); !errors.As(err, &damaged) {
				t.Fatal(err)
			}
			s.stop(t)
			gone(t, damaged.Accept)
			s.open(t)
			s.store(t, taken, 2001, 2003)
			for _, service := range []string{"hunt", "score"} {
				if got := take(t, s.reader(t, service, taken), int(s.events(t))); !strings.HasSuffix(got, "2001 2002 2003") {
					t.Errorf("%s got %.60q", service, got)
				}
			}
			eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
		})
	}
}

// A file of what was handled that is ahead of the stream, as after a crash of the machine, hides
// nothing of what comes.
func TestFloorsAheadOfTheStream(t *testing.T) {
	s := newSite(t, func(s *site) { s.config.Types = s.config.Types[1:] }).open(t)
	s.storeSingly(t, taken, 1, 3)
	s.stop(t)
	path := filepath.Join(s.config.Dir, floorsName)
	var f floors
	if err := floorsFile.Read(path, &f); err != nil {
		t.Fatal(err)
	}
	f.Shelves[0].State = handout.StateOf(50, 60, []uint64{55}).Renumber(lastNumber)
	if err := floorsFile.Write(path, f); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if log := s.log.String(); !strings.Contains(log, "handled=50 last=3") {
		t.Errorf("the log does not tell:\n%s", log)
	}
	s.store(t, taken, 4, 6)
	if got := take(t, s.reader(t, "score", taken), 3); got != "4 5 6" {
		t.Errorf("got %s", got)
	}
}

// A directory that is removed or restored as a whole looks good: only a reader can
// tell, by the identity and the last sequence.
func TestWholeDirectory(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.storeSingly(t, taken, 1, 10)
	s.stop(t)
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(s.config.Dir)); err != nil {
		t.Fatal(err)
	}
	look := func() (string, uint64) {
		s.open(t)
		w := s.reader(t, "score", solved).welcome
		return w.Imports[0].Stream, w.Imports[0].Last
	}
	first, _ := look()
	s.storeSingly(t, taken, 11, 20)
	s.stop(t)
	gone(t, s.config.Dir)
	if err := os.CopyFS(s.config.Dir, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
	if again, last := look(); again != first || again == "" || last != lastNumber(10) {
		t.Errorf("restored: identity %q after %q, last %d", again, first, last)
	}
	s.stop(t)
	gone(t, s.config.Dir)
	if other, last := look(); other == first || other == "" || last != 0 {
		t.Errorf("removed: identity %q after %q, last %d", other, first, last)
	}
}

// A second process cannot have the directory, and one that can't be written is named.
func TestDirectory(t *testing.T) {
	s := newSite(t, nil).open(t)
	if second, err := leaf.Start(timeout(t), s.spec); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("server %v, error %v", second, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	spec := s.spec
	spec.Outbox = &leaf.Outbox{Dir: filepath.Join(file, "outbox"), MaxBytes: 1 << 20}
	if second, err := leaf.Start(timeout(t), spec); err == nil || !strings.Contains(err.Error(), spec.Outbox.Dir) {
		t.Errorf("server %v, error %v", second, err)
	}
	blocked := t.TempDir()
	if err := os.WriteFile(filepath.Join(blocked, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	spec.Outbox = &leaf.Outbox{Dir: blocked, MaxBytes: 1 << 20}
	if second, err := leaf.Start(timeout(t), spec); err == nil || !strings.Contains(err.Error(), blocked) {
		t.Errorf("server %v, error %v", second, err)
	}
}
