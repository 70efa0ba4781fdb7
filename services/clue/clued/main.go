// Command clued runs the clue service as a node of its own.
//
//	clued --config configs/clue.yaml
package main

import (
	"context"

	"leafmesh/mesh"
	"leafmesh/services/clue"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
)

func main() { daemon.Main("clued", run) }

func run(ctx context.Context, path string) error {
	var config clue.Config
	if err := mesh.LoadYAML(path, &config); err != nil {
		return err
	}
	hunt, err := huntfile.Load(string(config.Hunt))
	if err != nil {
		return err
	}
	service, err := clue.New(config, hunt)
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, config.Mesh, service)
}
