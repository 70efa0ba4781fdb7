package main

import (
	"context"
	"errors"
	"log/slog"

	"leafmesh/embedded/guesslog"
	"leafmesh/embedded/replay"
)

// replayLog is the command that replays a log.
type replayLog struct {
	log   string
	speed replay.Speed
	json  bool
	data  string
	// Base URLs of the daemons; all empty: three nodes in this process.
	clue, hunt, score string
}

func (r *replayLog) run(ctx context.Context, s streams) error {
	log, hunt, err := readLog(r.log, s.err)
	if err != nil {
		return err
	}
	bar := newBar(s.err)
	result, err := r.replay(ctx, log, hunt, replay.Options{Speed: r.speed, Progress: bar.draw})
	bar.end()
	if err != nil {
		return err
	}
	if !r.json {
		return summarize(s.out, result)
	}
	return printJSON(s.out, result)
}

// replay replays on the daemons, or on nodes of its own.
func (r *replayLog) replay(ctx context.Context, log *guesslog.Log, hunt guesslog.Derived, o replay.Options) (result replay.Result, err error) {
	if r.clue != "" {
		remote, err := replay.NewRemote(r.clue, r.hunt, r.score)
		if err != nil {
			return result, err
		}
		defer remote.Close()
		return replay.Run(ctx, remote, log, hunt, o)
	}
	if r.data != "" {
		if err := mustBeEmpty(r.data); err != nil {
			return result, err
		}
	}
	folder, remove, err := dataFolder(r.data)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	local, err := replay.OpenLocal(ctx, hunt.Hunt, folder, slog.Default())
	if err != nil {
		return result, err
	}
	result, err = replay.Run(ctx, local, log, hunt, o)
	return result, errors.Join(err, closeCluster(ctx, local.Cluster, err == nil))
}
