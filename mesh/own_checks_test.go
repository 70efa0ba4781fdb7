package mesh

import (
	"context"
	"errors"
	"testing"

	"leafmesh/mesh/stats"
)

// What a program checks itself is a part of the health, as of the last time that it was asked. A
// check that hangs is not asked a second time, and ends with the node.
func TestAProgramsOwnChecks(t *testing.T) {
	n, err := Open(t.Context(), Config{Name: "score-1"})
	if err != nil {
		t.Fatal(err)
	}
	hangs := make(chan error, 1)
	n.AddCheck("printer", func(ctx context.Context) error {
		<-ctx.Done()
		hangs <- ctx.Err()
		return nil
	})
	n.AddCheck("database", func(context.Context) error { return errors.New("the disk is full") })
	for h := range n.Watch(t.Context()) {
		if len(h.Problems) > 0 {
			if p := h.Problems[0]; h.Ready || len(h.Problems) > 1 || p.About != stats.AboutService || p.Text != "database: the disk is full" {
				t.Errorf("%+v", h)
			}
			break
		}
	}
	if err := n.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-hangs; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
