package mesh_test

import (
	"context"
	"fmt"
	"log"

	"leafmesh/mesh"
)

// HintTaken and ClueOpened are two types of one service.
type (
	HintTaken struct {
		Team string `cbor:"1,keyasint"`
		Cost int    `cbor:"2,keyasint"`
	}
	ClueOpened struct {
		Team string `cbor:"1,keyasint"`
		Clue string `cbor:"2,keyasint"`
	}
)

var (
	TookHint   = mesh.NewEvent[HintTaken]("clue.hint.taken")
	OpenedClue = mesh.NewEvent[ClueOpened]("clue.clue.opened")
)

// One handler for all events of a service, whatever their Go types.
func ExampleHandleAll() {
	history := mesh.HandleAll("clue.>", "history", func(ctx context.Context, event mesh.Any) error {
		var who struct { // the part that they share
			Team string `cbor:"1,keyasint"`
		}
		if err := event.Decode(&who); err != nil {
			return err
		}
		header, _ := mesh.HeaderOf(ctx)
		fmt.Println(header.Subject(), "by", who.Team)
		return nil
	})

	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{history}})
	if err != nil {
		log.Fatal(err)
	}
	if err := OpenedClue.Emit(node.Context(ctx), ClueOpened{Team: "otters", Clue: "try-and-eat"}); err != nil {
		log.Fatal(err)
	}
	if err := TookHint.Emit(node.Context(ctx), HintTaken{Team: "herons", Cost: 5}); err != nil {
		log.Fatal(err)
	}
	if err := node.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// clue.clue.opened by otters
	// clue.hint.taken by herons
}
