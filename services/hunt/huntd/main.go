// Command huntd runs the hunt service as a node of its own.
//
//	huntd --config configs/hunt.yaml
package main

import (
	"context"

	"leafmesh/mesh"
	"leafmesh/services/daemon"
	"leafmesh/services/hunt"
	"leafmesh/services/huntfile"
)

func main() { daemon.Main("huntd", run) }

func run(ctx context.Context, path string) error {
	var config hunt.Config
	if err := mesh.LoadYAML(path, &config); err != nil {
		return err
	}
	file, err := huntfile.Load(string(config.Hunt))
	if err != nil {
		return err
	}
	service, err := hunt.New(config, file)
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, config.Mesh, service)
}
