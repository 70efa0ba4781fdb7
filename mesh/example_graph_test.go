package mesh_test

import (
	"context"
	"fmt"
	"log"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// Answer is a guess at a clue.
type Answer struct {
	Team  string `cbor:"1,keyasint"`
	Guess string `cbor:"2,keyasint"`
}

var (
	Given   = mesh.NewEvent[Answer]("clue.answer.given")
	Correct = mesh.NewEvent[Answer]("clue.answer.correct")
	Praised = mesh.NewEvent[Answer]("clue.team.praised")
)

// Which event types lead to which, declared and seen.
func ExampleNode_Graph() {
	judge := Given.Handle("judge", func(ctx context.Context, a Answer) error {
		if a.Guess != "otter" {
			return nil
		}
		return Correct.Emit(ctx, a)
	}, mesh.Emits(Correct))
	praise := Correct.Handle("praise", func(context.Context, Answer) error {
		return nil // it says it may, and never does
	}, mesh.Emits(Praised))

	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{judge, praise}})
	if err != nil {
		log.Fatal(err)
	}
	for _, guess := range []string{"heron", "otter", "badger", "vole"} {
		if err := Given.Emit(node.Context(ctx), Answer{Team: "otters", Guess: guess}); err != nil {
			log.Fatal(err)
		}
	}
	if err := node.Close(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Print(node.Graph().Mermaid())
	// Output:
	// flowchart LR
	//     t0["clue.answer.correct"]
	//     t1["clue.answer.given"]
	//     t2["clue.team.praised"]
	//     t0 -.->|"praise ×0"| t2
	//     t1 -->|"judge ×0.25"| t0
}

// A declared cycle that nothing allows does not open.
func ExampleEmits() {
	_, err := mesh.Open(context.Background(), mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		Given.Handle("judge", func(context.Context, Answer) error { return nil }, mesh.Emits(Correct)),
		Correct.Handle("ask again", func(context.Context, Answer) error { return nil }, mesh.Emits(Given)),
	}})
	for _, problem := range config.FieldErrors(err) {
		fmt.Println(problem.Problem)
	}
	// Output:
	// the events go round in a cycle that nothing allows: clue.answer.correct → clue.answer.given (handler ask again) → clue.answer.correct (handler judge)
}
