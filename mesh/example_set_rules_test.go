package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"leafmesh/mesh"
)

// Press is a press of a button, which somebody may hold down.
type Press struct{}

var Pressed = mesh.NewEvent[Press]("lift.button.pressed")

// A running node gets a limit. Then its counters say what the limit refused.
func ExampleNode_SetRules() {
	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "lift-1"})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close(ctx)

	err = node.SetRules([]mesh.Rule{{
		Name:  "calm",
		Event: Pressed.Subject(),
		Limit: mesh.Limit{Rate: 1, Burst: 1, Policy: mesh.Refuse},
	}})
	if err != nil {
		log.Fatal(err)
	}
	for range 5 {
		if err := Pressed.Emit(node.Context(ctx), Press{}); err != nil && !errors.Is(err, mesh.ErrRefused) {
			log.Fatal(err)
		}
	}
	for _, count := range node.Stats().Counts {
		if count.Outcome.IsLoss() {
			fmt.Println(count)
		}
	}
	// Output: 4 lift.button.pressed refused at emit by calm
}
