package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"leafmesh/mesh"
)

// Order is what a customer wants.
type Order struct {
	Item string `cbor:"1,keyasint"`
}

var Placed = mesh.NewEvent[Order]("shop.order.placed")

// An error ends one try, a final error ends all tries, and NotNow asks for the event later.
func ExampleFinal() {
	open, calls := false, 0
	ship := Placed.Handle("ship", func(_ context.Context, o Order) error {
		calls++
		switch {
		case !open:
			open = true
			return fmt.Errorf("the store is closed: %w", mesh.NotNow(time.Millisecond))
		case o.Item == "":
			return mesh.Final(errors.New("the order has no item"))
		}
		fmt.Println("ship", o.Item, "at call", calls)
		return nil
	})
	keep := mesh.DeadLetters.Handle("keep", func(_ context.Context, d mesh.DeadLetter) error {
		fmt.Println("given up at call", calls, "because", d.Error)
		return nil
	})

	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "shop-1", Handlers: []mesh.Handler{ship, keep}})
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range []string{"lamp", ""} {
		if err := Placed.Emit(node.Context(ctx), Order{Item: item}); err != nil {
			log.Fatal(err)
		}
	}
	if err := node.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ship lamp at call 2
	// given up at call 3 because the order has no item
}
