package mesh_test

import (
	"context"
	"errors"
	"testing"

	"leafmesh/mesh"
)

// An event that found no place does not change the id of its equal that does.
func TestDurableRefusedChildHasNoNumber(t *testing.T) {
	const places = 64 // of a queue of 1, for events that handlers emit
	child := solved{"owls", "b", -1}
	var ids []mesh.ID
	handle := func(ctx context.Context, _ solved) error {
		if len(ids) == 0 {
			for i := range places {
				if err := clueSolved.Emit(ctx, solved{"owls", "a", int64(i)}); err != nil {
					t.Error(err)
				}
			}
			if err := clueSolved.Emit(ctx, child); !errors.Is(err, mesh.ErrRefused) {
				t.Errorf("one more: %v", err)
			}
		}
		ids = append(ids, stage(t, ctx, clueSolved, child).ID)
		if len(ids) == 1 {
			return errors.New("once more")
		}
		return nil
	}
	clue := durableClue(t, func(c *mesh.Config) {
		c.Handlers = append(c.Handlers, clueOpened.Handle("open", handle),
			clueSolved.Handle("local", func(context.Context, solved) error { return nil }, mesh.Queue(1)))
	})
	n := openAll(t, clue)[0]
	emit(t, n, clueOpened, solved{})
	finish(t, n)
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("ids %v, want the same twice", ids)
	}
}
