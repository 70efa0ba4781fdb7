package inlet

import (
	"context"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
)

// An exporter that is named anew hears nothing of it, unless it had been removed.
func TestAddingAnExporterAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.heard()
		add := func() []string {
			t.Helper()
			s.add("clue-1")
			s.wait(time.Second)
			return s.heard()
		}
		if got := add(); len(got) > 0 {
			t.Errorf("an exporter that stays heard %q", got)
		}
		if present := s.set.exchange.Load().durables()[0].stats(); !present.Connected {
			t.Errorf("its import: %+v", present)
		}
		s.set.Remove("clue-1")
		s.wait(time.Second)
		s.heard()
		if got := add(); len(got) == 0 {
			t.Error("an exporter that comes back heard nothing")
		}
	})
}

// The talk with an exporter that was removed ends once all that it gave is settled, and is
// forgotten after a while. One that comes back before goes on where it was.
func TestARemovedExporterIsFreed(t *testing.T) {
	for name, c := range map[string]struct {
		away time.Duration
		goes bool // on where it was
	}{
		"back soon": {forgetAfter / 2, true},
		"back late": {2 * forgetAfter, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, nil)
				s.link()
				s.heard()
				nonce, handle := s.nonce, make(chan struct{})
				s.handlers["mail"].does(func(context.Context, int) error { <-handle; return nil })
				s.give(event(1, "owls"))
				s.set.Remove("clue-1")
				s.cutLink()
				if n := s.open(); n != 1 {
					t.Errorf("%d ways while an event is handled, want 1", n)
				}
				close(handle)
				if n := s.open(); n != 0 {
					t.Errorf("%d ways to an exporter that was removed", n)
				}
				s.wait(c.away)
				if n := len(s.set.exchange.Load().talks); n != 0 && !c.goes {
					t.Errorf("%d talks after a while", n)
				}
				s.add("clue-1")
				s.link()
				if s.open() != 1 || (s.nonce == nonce) != c.goes {
					t.Errorf("%d ways, it goes on where it was: %v", s.ways, s.nonce == nonce)
				}
				s.heard()
				s.give(event(1, "owls"), event(2, "owls"))
				s.wait(time.Second)
				want := []int{1, 2}
				if !c.goes {
					want = []int{1, 1, 2}
				}
				s.wantCalled("mail", want...)
			})
		})
	}
}

// An exporter that comes back while an event of it is handled was never away.
func TestAnExporterThatComesBackAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.heard()
		handle := make(chan struct{})
		s.handlers["mail"].does(func(context.Context, int) error { <-handle; return nil })
		s.give(event(1, "owls"))
		s.set.Remove("clue-1")
		s.wait(time.Second)
		s.add("clue-1")
		s.wait(time.Second)
		if n := s.open(); n != 1 {
			t.Errorf("%d ways, want that of before", n)
		}
		s.say(&wire.Welcome{Nonce: s.nonce, Exporter: "clue-1", Imports: []wire.WelcomeImport{{Type: solved, Stream: s.stream, Last: 1}}})
		close(handle)
		s.give(event(2, "owls"))
		s.wantCalled("mail", 1, 2)
	})
}

// An exporter that was added before anything is imported from it is heard once something is, also
// after it was forgotten.
func TestAnImportAfterItsExporter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		imports := s.set.exchange.Load().imports
		put := func(imports []config.Import) {
			t.Helper()
			if err := s.set.SetImports(t.Context(), imports); err != nil {
				t.Fatal(err)
			}
		}
		put(nil)
		s.set.Remove("clue-1")
		s.wait(2 * forgetAfter)
		s.add("clue-1")
		if n := s.open(); n != 0 || s.set.Expects("clue-1") {
			t.Errorf("%d ways to an exporter from which nothing is imported", n)
		}
		put(imports)
		s.link()
		s.give(event(1, "owls"))
		s.wantCalled("mail", 1)
		if n := s.open(); n != 1 {
			t.Errorf("%d ways, want 1", n)
		}
	})
}

// An import to which a node cannot subscribe changes nothing: no exporter hears of it, and one from
// which nothing else is imported is let go again.
func TestAnImportThatCannotBegin(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.heard()
		err := s.set.SetImports(t.Context(), append(slices.Clone(s.set.exchange.Load().imports),
			config.Import{Event: "clue.hint.shown"}, config.Import{Event: "hunt.team.finished"}))
		if err == nil {
			t.Error("an import began on a way that does not let it")
		}
		if said := s.heard(); len(said) != 0 {
			t.Errorf("said %v", said)
		}
		if n := s.open(); n != 1 || s.set.Expects("hunt-1") || len(s.set.exchange.Load().imports) != 1 {
			t.Errorf("%d ways, hunt-1 is expected: %v", n, s.set.Expects("hunt-1"))
		}
		s.give(event(1, "owls"))
		s.wantCalled("mail", 1)
	})
}

// A talk that slept before, and was woken, is not forgotten by that sleep but by its last one.
func TestAnExporterIsForgottenByItsLastSleep(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		nonce := s.nonce
		for range 3 {
			s.set.Remove("clue-1")
			s.cutLink()
			s.wait(forgetAfter * 3 / 4)
			s.add("clue-1")
			s.link()
			if s.nonce != nonce {
				t.Error("it was forgotten")
			}
		}
	})
}
