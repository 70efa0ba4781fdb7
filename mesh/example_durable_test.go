package mesh_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

type Payment struct {
	Order string `cbor:"1,keyasint"`
}

var paid = mesh.NewEvent[Payment]("shop.order.paid", mesh.Key(func(p Payment) string { return p.Order }))

// A payment is kept in the shop's outbox until the stock service has handled it,
// also if that starts later.
func Example_durable() {
	folder, err := os.MkdirTemp("", "durable-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()

	shop := mesh.Config{Name: "shop-1", Data: mesh.Path(filepath.Join(folder, "shop")),
		Exports: []mesh.Export{{Event: paid.Subject(), KeptFor: []string{"stock"}}}}
	alone, err := inproc.Open(ctx, shop)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stored:", paid.Emit(alone[0].Context(ctx), Payment{Order: "A7"}) == nil)
	fmt.Println("closed:", alone.Close(ctx) == nil)

	handled := make(chan Payment)
	stock := mesh.Config{Name: "stock-1", Data: mesh.Path(filepath.Join(folder, "stock")),
		Imports: []mesh.Import{{Event: paid.Subject(), Durable: true}},
		Handlers: []mesh.Handler{paid.Handle("ship", func(_ context.Context, p Payment) error {
			handled <- p
			return nil
		})}}
	both, err := inproc.Open(ctx, shop, stock)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ship", (<-handled).Order)
	fmt.Println("closed:", both.Close(ctx) == nil)
	// Output:
	// stored: true
	// closed: true
	// ship A7
	// closed: true
}
