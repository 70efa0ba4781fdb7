// Command huntd runs the hunt service as a node of its own.
//
//	huntd --config configs/hunt.yaml
package main

import (
	"context"

	"leafmesh/services/daemon"
	"leafmesh/services/hunt"
	"leafmesh/services/huntfile"
)

func main() { daemon.Main("huntd", run) }

func run(ctx context.Context, path string) error {
	var c hunt.Config
	own, err := daemon.Load(path, &c)
	if err != nil {
		return err
	}
	file, err := huntfile.Load(string(c.Hunt))
	if err != nil {
		return err
	}
	service, err := hunt.New(c, file)
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, c.Config, service, own)
}
