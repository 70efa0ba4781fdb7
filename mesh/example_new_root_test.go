package mesh_test

import (
	"context"
	"fmt"
	"log"

	"leafmesh/mesh"
)

// Hunt is one treasure hunt.
type Hunt struct {
	Name  string   `cbor:"1,keyasint"`
	Teams []string `cbor:"2,keyasint"`
}

var (
	Ended    = mesh.NewEvent[Hunt]("hunt.hunt.ended")
	Notified = mesh.NewEvent[Attempt]("hunt.team.notified")
)

// A handler tells each team on its own: what the word to one team causes is not
// charged to the cascade of the others.
func ExampleNewRoot() {
	tell := Ended.Handle("tell", func(ctx context.Context, h Hunt) error {
		for _, team := range h.Teams {
			if err := Notified.Emit(mesh.NewRoot(ctx), Attempt{Team: team}); err != nil {
				return err
			}
		}
		return nil
	})
	show := Notified.Handle("show", func(ctx context.Context, a Attempt) error {
		h, _ := mesh.HeaderOf(ctx)
		fmt.Println(a.Team, h.Root == h.ID, h.Parent.IsZero(), h.Path())
		return nil
	})
	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "hunt-1", Handlers: []mesh.Handler{tell, show}})
	if err != nil {
		log.Fatal(err)
	}
	if err := Ended.Emit(node.Context(ctx), Hunt{Name: "zoo", Teams: []string{"otters", "herons"}}); err != nil {
		log.Fatal(err)
	}
	if err := node.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// otters true false [hunt-1:hunt.team.notified]
	// herons true false [hunt-1:hunt.team.notified]
}
