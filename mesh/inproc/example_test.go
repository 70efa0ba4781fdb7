package inproc_test

import (
	"context"
	"fmt"
	"log"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// Solve is what score needs to know of a solved clue.
type Solve struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
}

var Solved = mesh.NewEvent[Solve]("clue.clue.solved", mesh.Key(func(s Solve) string { return s.Team }))

// Two nodes in one process. The event leaves clue-1 because clue exports it,
// and enters score-1 because score imports it.
func ExampleOpen() {
	scored := make(chan struct{})
	score := Solved.Handle("score", func(ctx context.Context, s Solve) error {
		header, _ := mesh.HeaderOf(ctx)
		fmt.Printf("%s solved %s, says %s\n", s.Team, s.Clue, header.Origin())
		close(scored)
		return nil
	})

	ctx := context.Background()
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "clue-1",
			Exports: []mesh.Export{Solved.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1",
			Imports:  []mesh.Import{Solved.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{score}})
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close(ctx)
	if err := nodes.Ready(ctx); err != nil { // linked, and the interest is seen
		log.Fatal(err)
	}

	clue := nodes.Node("clue-1")
	if err := Solved.Emit(clue.Context(ctx), Solve{Team: "otters", Clue: "try-and-eat"}); err != nil {
		log.Fatal(err)
	}
	<-scored
	// Output: otters solved try-and-eat, says clue-1
}
