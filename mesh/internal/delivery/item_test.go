package delivery

import (
	"testing"

	"leafmesh/mesh/internal/rules"
)

// An event that has rested is older than all of its key that rules keep: of what was put back it
// comes first, whoever came back first.
func TestWhatHasRestedComesFirst(t *testing.T) {
	rested, kept := &Item{Again: &Again{}}, &Item{KeptBy: &rules.Rule{}}
	if order(rested, kept) <= 0 || order(kept, rested) >= 0 || order(rested, &Item{Again: &Again{Tries: 2}, KeptBy: &rules.Rule{}}) != 0 {
		t.Error("it does not")
	}
}
