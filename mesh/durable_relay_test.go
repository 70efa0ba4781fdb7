package mesh_test

import (
	"errors"
	"testing"

	"leafmesh/mesh"
)

// Relay takes no event after one that was refused, also where a full queue makes it
// go in two parts: who relays deletes as many as it says, from the first.
func TestDurableRelaySkipsNone(t *testing.T) {
	var local seen
	clue := durableClue(t, func(c *mesh.Config) {
		c.Outbox.MaxEvents = 1
		c.Handlers = append(c.Handlers, clueOpened.Handle("local", local.add, mesh.Queue(1)))
	})
	n := openAll(t, clue)[0]
	ctx := n.Context(t.Context())
	if err := clueSolved.Emit(ctx, solved{"owls", "a", 0}); err != nil {
		t.Fatal(err)
	}
	events := []mesh.Staged{stage(t, ctx, clueSolved, solved{"owls", "a", 1})}
	for i := range 3 {
		events = append(events, stage(t, ctx, clueOpened, solved{"owls", "a", int64(i)}))
	}
	relayed, err := n.Relay(t.Context(), events...)
	if relayed != 0 || !errors.Is(err, mesh.ErrOutboxFull) {
		t.Errorf("%d relayed, %v; want 0, as the first was refused", relayed, err)
	}
	finish(t, n)
	if local.count() != 0 {
		t.Errorf("%d events overtook it", local.count())
	}
}
