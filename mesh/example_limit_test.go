package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"leafmesh/mesh"
)

// Attempt is an answer that a team submits.
type Attempt struct {
	Team string `cbor:"1,keyasint"`
}

var Submitted = mesh.NewEvent[Attempt]("clue.answer.submitted")

// Two at once and twenty a minute pass; the third is refused, and the error
// says by which rule.
func ExampleLimit() {
	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", Limits: []mesh.Rule{{
		Event: Submitted.Subject(),
		Limit: mesh.Limit{Rate: mesh.Per(20, time.Minute), Burst: 2, Policy: mesh.Refuse},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close(ctx)

	for range 3 {
		err := Submitted.Emit(node.Context(ctx), Attempt{Team: "otters"})
		fmt.Println(err)
		if refused, ok := errors.AsType[mesh.RefusedError](err); ok {
			fmt.Println("rule:", refused.Rule)
		}
	}
	// Output:
	// <nil>
	// <nil>
	// mesh: clue.answer.submitted refused at emit by emit-limit
	// rule: emit-limit
}
