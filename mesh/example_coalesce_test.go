package mesh_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"leafmesh/mesh"
)

// Score is what a board shows. Only the newest of each team matters.
type Score struct {
	Team   string `cbor:"1,keyasint"`
	Points int    `cbor:"2,keyasint"`
}

var Scored = mesh.NewEvent[Score]("score.team.scored", mesh.Key(func(s Score) string { return s.Team }))

// A hundred changes come at once. The handler gets the first one of each team, and then the last.
func ExampleRule_coalesce() {
	draw := Scored.Handle("draw", func(_ context.Context, s Score) error {
		fmt.Println(s.Team, s.Points)
		return nil
	})

	ctx := context.Background()
	node, err := mesh.Open(ctx, mesh.Config{Name: "score-1", Handlers: []mesh.Handler{draw},
		Limits: []mesh.Rule{{
			Event: Scored.Subject(), By: mesh.ByKey, Within: time.Minute,
			Limit: mesh.Limit{Rate: mesh.Per(1, time.Minute), Burst: 1, Policy: mesh.Coalesce},
		}}})
	if err != nil {
		log.Fatal(err)
	}
	for points := range 100 {
		if err := Scored.Emit(node.Context(ctx), Score{Team: "otters", Points: points + 1}); err != nil {
			log.Fatal(err)
		}
	}
	if err := node.Close(ctx); err != nil { // lets what is kept go
		log.Fatal(err)
	}
	// Output:
	// otters 1
	// otters 100
}
