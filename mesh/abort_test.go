package mesh

import "testing"

// A start that fails before the handlers run has none to wait for.
func TestAFlowWithoutRunningHandlersFinishes(t *testing.T) {
	f, err := newFlow(Config{Name: "core-1", Handlers: []Handler{HandleAll(">", "all", nil)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.finish(t.Context()); err != nil {
		t.Error(err)
	}
}
