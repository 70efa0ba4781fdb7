package metrics

import (
	"fmt"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/door"
)

// Server gives out a node's metrics and health until its Close.
type Server = door.Server

// Serve gives out a node's metrics and health until Close. The node begins to measure: see
// mesh.Node.Measure. What the node cannot know of its readiness is told by checks, such as one of a
// database. When Serve returns, connections are taken.
func Serve(c Config, node *mesh.Node, checks ...Check) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("serve metrics: %w", config.InField("metrics", err))
	}
	handler, err := newHandler(c, node, checks)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	server, err := door.Serve(c.door(), handler)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	return server, nil
}
