package inproc_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// Visit is somebody at a door.
type Visit struct {
	Door string `cbor:"1,keyasint"`
}

var (
	Rung   = mesh.NewEvent[Visit]("porter.bell.rung")
	Opened = mesh.NewEvent[Visit]("porter.door.opened")
)

// A handler fails on one node. The recorders of both nodes say what led to it.
func ExampleNodes_Why() {
	ctx := context.Background()
	failed := make(chan mesh.ID, 1)
	open := Rung.Handle("open", func(ctx context.Context, v Visit) error { return Opened.Emit(ctx, v) })
	greet := Opened.Handle("greet", func(context.Context, Visit) error { return mesh.Final(errors.New("nobody is there")) })
	note := mesh.DeadLetters.Handle("note", func(_ context.Context, d mesh.DeadLetter) error {
		failed <- d.Event
		return nil
	})
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "porter-1", Handlers: []mesh.Handler{open},
			Exports: []mesh.Export{Opened.Export(mesh.Limit{})}},
		mesh.Config{Name: "host-1", Handlers: []mesh.Handler{greet, note},
			Imports: []mesh.Import{Opened.Import(mesh.Limit{}, mesh.Shared)}})
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close(ctx)
	if err := nodes.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	if err := Rung.Emit(nodes.Node("porter-1").Context(ctx), Visit{Door: "front"}); err != nil {
		log.Fatal(err)
	}

	explanation, err := nodes.Why(ctx, <-failed)
	if err != nil {
		log.Fatal(err)
	}
	root, fault := explanation.Cascades[0], explanation.Faults[0]
	fmt.Println("it began with", root.Type, "on", root.Node)
	fmt.Println(fault.Type, fault.Outcome, "at", fault.Place, "on", fault.Step.Node+":", fault.Errors[0].Error)
	// Output:
	// it began with porter.bell.rung on porter-1
	// porter.door.opened failed at handler greet on host-1: nobody is there
}
