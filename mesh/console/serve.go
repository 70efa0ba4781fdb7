package console

import (
	"fmt"

	"leafmesh/mesh/config"
	"leafmesh/mesh/door"
)

// Serve serves a console until the Close of the server. When it returns, connections are taken.
func Serve(c Config, o Options) (*door.Server, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("serve console: %w", config.InField("console", err))
	}
	console := New(o)
	server, err := door.Serve(c.door(), console)
	if err != nil {
		return nil, fmt.Errorf("serve console: %w", err)
	}
	server.OnClose(console.Close)
	return server, nil
}
