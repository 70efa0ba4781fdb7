package storm

import (
	"fmt"

	"leafmesh/mesh"
)

// What the storm is made of.
const (
	nodeCount = 3
	fanOut    = 4
	treeDepth = 8
)

// spark is the value of the storm's events.
type spark struct {
	Root int `cbor:"1,keyasint"` // which of the run's roots it comes from
}

// reading is the value of the well-behaved events.
type reading struct {
	At int64 `cbor:"1,keyasint"` // when it was emitted, in nanoseconds since the run began
}

// service is one node's event types.
type service struct {
	name     string
	started  *mesh.Event[spark]
	passed   *mesh.Event[spark]            // to the next node
	branches [treeDepth]*mesh.Event[spark] // by level
	read     *mesh.Event[reading]
}

var services = [nodeCount]*service{newService("a"), newService("b"), newService("c")}

func newService(name string) *service {
	s := &service{
		name:    name,
		started: mesh.NewEvent[spark](name + ".storm.started"),
		passed:  mesh.NewEvent[spark](name + ".ring.passed"),
		read:    mesh.NewEvent[reading](name + ".reading.taken"),
	}
	for level := range s.branches {
		s.branches[level] = mesh.NewEvent[spark](fmt.Sprintf("%s.branch%d.grown", name, level+1))
	}
	return s
}
