package mesh_test

import (
	"context"
	"fmt"
	"log"

	"leafmesh/mesh"
)

// Guess is an event's value: small, immutable, with integer keys on the wire.
type Guess struct {
	Team string `cbor:"1,keyasint"`
	Text string `cbor:"2,keyasint"`
}

// Guessed is the event type: a Guess under a subject, in order for each team.
var Guessed = mesh.NewEvent[Guess]("clue.answer.guessed", mesh.Key(func(g Guess) string { return g.Team }))

// Declare an event, handle it, emit it: on one node, without a network.
func Example() {
	judge := Guessed.Handle("judge", func(ctx context.Context, g Guess) error {
		fmt.Printf("%s guess %q\n", g.Team, g.Text)
		return nil
	})

	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{judge}})
	if err != nil {
		log.Fatal(err)
	}

	for _, text := range []string{"heron", "stork"} {
		if err := Guessed.Emit(node.Context(ctx), Guess{Team: "otters", Text: text}); err != nil {
			log.Fatal(err)
		}
	}

	if err := node.Close(ctx); err != nil { // finishes what is queued
		log.Fatal(err)
	}
	// Output:
	// otters guess "heron"
	// otters guess "stork"
}
