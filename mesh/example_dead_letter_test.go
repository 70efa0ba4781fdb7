package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"leafmesh/mesh"
)

// Award is a number of points that a team gets.
type Award struct {
	Team   string `cbor:"1,keyasint"`
	Points int    `cbor:"2,keyasint"`
}

var Awarded = mesh.NewEvent[Award]("score.points.awarded", mesh.Key(func(a Award) string { return a.Team }))

// What a handler gives up after its last try becomes an event of its own.
func ExampleDeadLetter() {
	store := Awarded.Handle("store", func(context.Context, Award) error {
		return errors.New("database is full")
	}, mesh.Retry{Tries: 3, FirstPause: time.Millisecond, LongestPause: time.Second})

	keep := mesh.DeadLetters.Handle("keep", func(_ context.Context, d mesh.DeadLetter) error {
		fmt.Printf("%s of %s: handler %s gave up after %d tries: %s\n", d.Subject, d.Key, d.Handler, d.Tries, d.Error)
		return nil
	})

	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "score-1", Handlers: []mesh.Handler{store, keep}})
	if err != nil {
		log.Fatal(err)
	}
	if err := Awarded.Emit(node.Context(ctx), Award{Team: "otters", Points: 3}); err != nil {
		log.Fatal(err)
	}
	if err := node.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: score.points.awarded of otters: handler store gave up after 3 tries: database is full
}
