package mesh_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// Validate says of an outbox what Open would.
func TestDurableMaxAge(t *testing.T) {
	clue := durableClue(t, func(c *mesh.Config) { c.Outbox.MaxAge = 2 * time.Minute })
	seed, _ := keyPair(t)
	_, key := keyPair(t)
	clue.Seed, clue.Peers = mesh.NewSecret(seed), []mesh.Peer{{Name: "score-1", Key: key, MayImport: mesh.AllExports()}}
	clue.Listen = "127.0.0.1:0"
	if err := clue.Validate(); err == nil || !strings.Contains(err.Error(), "outbox.max_age: 2m0s") {
		t.Errorf("Validate: %v", err)
	}
	clue.Outbox.MaxAge += time.Second
	if err := clue.Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
	openAll(t, clue)
}

// An event of exactly max_payload is stored and arrives; one byte more is refused for
// its size.
func TestDurableMaxPayload(t *testing.T) {
	var got seen
	clue, score := durableClue(t), durableScore(t, got.add)
	clue.MaxPayload, score.MaxPayload = 1024, 1024
	nodes := openAll(t, clue, score)
	ctx := nodes.Node("clue-1").Context(t.Context())
	value := solved{Team: "owls", Clue: strings.Repeat("x", 700)} // long enough for its length to take two bytes
	value.Clue += strings.Repeat("x", 1024-len(stage(t, ctx, clueSolved, value).Message))
	if err := clueSolved.Emit(ctx, value); err != nil {
		t.Fatal(err)
	}
	await(t, "the event", func() bool { return got.count() == 1 })
	value.Clue += "x"
	var refused mesh.RefusedError
	if err := clueSolved.Emit(ctx, value); !errors.As(err, &refused) || refused.Rule != "payload-size" {
		t.Errorf("one byte more: %v", err)
	}
}

// A handler whose name a letter cannot hold would have its events come again for ever.
func TestDurableHandlerName(t *testing.T) {
	handler := clueSolved.Handle(strings.Repeat("x", 257), func(context.Context, solved) error { return nil })
	_, err := inproc.Open(within(t), mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{handler}})
	if err == nil || !strings.Contains(err.Error(), "name has 257 bytes") {
		t.Errorf("open: %v", err)
	}
}
