// Command scored runs the score service as a node of its own.
//
//	scored --config configs/score.yaml
package main

import (
	"context"

	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
	"leafmesh/services/score"
)

func main() { daemon.Main("scored", run) }

func run(ctx context.Context, path string) error {
	var c score.Config
	own, err := daemon.Load(path, &c)
	if err != nil {
		return err
	}
	hunt, err := huntfile.Load(string(c.Hunt))
	if err != nil {
		return err
	}
	service, err := score.New(c, hunt)
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, c.Config, service, own)
}
