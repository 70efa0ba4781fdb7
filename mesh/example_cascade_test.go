package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"leafmesh/mesh"
)

// Token is what players pass on to each other.
type Token struct{}

var (
	Passed   = mesh.NewEvent[Token]("game.token.passed")
	Returned = mesh.NewEvent[Token]("game.token.returned")
)

// Two handlers cause each other's events without end. The cascade guard refuses the first event
// that comes back to its own type, and the error names the whole path.
func ExampleCascadeError() {
	give := Passed.Handle("give", func(ctx context.Context, t Token) error { return Returned.Emit(ctx, t) })
	take := Returned.Handle("take", func(ctx context.Context, t Token) error {
		err := Passed.Emit(ctx, t)
		if refused, ok := errors.AsType[mesh.CascadeError](err); ok {
			fmt.Println(refused.Rule, refused.Path())
			return nil
		}
		return err
	})

	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "game-1", Handlers: []mesh.Handler{give, take}})
	if err != nil {
		log.Fatal(err)
	}
	if err := Passed.Emit(node.Context(ctx), Token{}); err != nil {
		log.Fatal(err)
	}
	if err := node.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: cascade-loop [game-1:game.token.passed game-1:game.token.returned game-1:game.token.passed]
}
