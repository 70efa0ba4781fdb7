package mesh

import "testing"

// A start that fails before the handlers run has none to wait for.
func TestANodeWithoutRunningHandlersFinishes(t *testing.T) {
	n, err := newNode(Config{Name: "core-1", Handlers: []Handler{HandleAll(">", "all", nil)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.finishHandlers(t.Context()); err != nil {
		t.Error(err)
	}
}
