// Command scored runs the score service as a node of its own.
//
//	scored --config configs/score.yaml
package main

import (
	"context"

	"leafmesh/mesh"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
	"leafmesh/services/score"
)

func main() { daemon.Main("scored", run) }

func run(ctx context.Context, path string) error {
	var config score.Config
	if err := mesh.LoadYAML(path, &config); err != nil {
		return err
	}
	hunt, err := huntfile.Load(string(config.Hunt))
	if err != nil {
		return err
	}
	service, err := score.New(config, hunt)
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, config.Mesh, service)
}
