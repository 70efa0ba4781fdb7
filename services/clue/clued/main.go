// Command clued runs the clue service as a node of its own.
//
//	clued --config configs/clue.yaml
package main

import (
	"context"

	"leafmesh/services/clue"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
)

func main() { daemon.Main("clued", run) }

func run(ctx context.Context, path string) error {
	var c clue.Config
	own, err := daemon.Load(path, &c)
	if err != nil {
		return err
	}
	hunt, err := huntfile.Load(string(c.Hunt))
	if err != nil {
		return err
	}
	service, err := clue.New(c, hunt)
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, c.Config, service, own)
}
