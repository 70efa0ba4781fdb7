package mesh_test

import (
	"context"
	"fmt"
	"log"

	"leafmesh/mesh"
)

// Countdown is a loop that somebody intends.
type Countdown struct {
	Left int `cbor:"1,keyasint"`
}

// Ticked may have two others of its type in its path.
var Ticked = mesh.NewEvent("game.clock.ticked", mesh.AllowLoop[Countdown](2))

func ExampleAllowLoop() {
	tick := Ticked.Handle("tick", func(ctx context.Context, c Countdown) error {
		fmt.Println(c.Left)
		if c.Left == 0 {
			return nil
		}
		return Ticked.Emit(ctx, Countdown{Left: c.Left - 1})
	})

	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "game-1", Handlers: []mesh.Handler{tick}})
	if err != nil {
		log.Fatal(err)
	}
	if err := Ticked.Emit(node.Context(ctx), Countdown{Left: 2}); err != nil {
		log.Fatal(err)
	}
	if err := node.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2
	// 1
	// 0
}
