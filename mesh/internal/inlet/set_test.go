package inlet

import (
	"testing"
	"time"
)

// An exporter that is named anew hears nothing of it, unless it had been removed.
func TestAddingAnExporterAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.heard()
		add := func() []string {
			t.Helper()
			if err := s.set.Add("clue-1", nil); err != nil {
				t.Fatal(err)
			}
			s.wait(time.Second)
			return s.heard()
		}
		if got := add(); len(got) > 0 {
			t.Errorf("an exporter that stays heard %q", got)
		}
		if present := s.set.exchange.Load().durables[0].stats(); !present.Connected {
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
