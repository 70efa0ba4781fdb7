package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"leafmesh/embedded/client"
	"leafmesh/embedded/cluster"
	"leafmesh/embedded/players"
	"leafmesh/embedded/replay"
)

// play is the command that lets simulated teams play the sample hunt.
type play struct {
	length time.Duration // 0: until ctx ends
	teams  int
	http   string
	data   string
	think  time.Duration // between two guesses of a team, on average
}

func (p *play) run(ctx context.Context, s streams) (err error) {
	folder, remove, err := dataFolder(p.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	c, err := cluster.Open(ctx, cluster.Options{Data: folder, HTTP: p.http, Logger: slog.Default()})
	if err != nil {
		return elsewhere(err)
	}
	calls, err := client.New(c.Clue.URL(), c.Hunt.URL(), c.Score.URL(), p.teams)
	if err != nil {
		return errors.Join(err, closeCluster(ctx, c, false))
	}
	crowd := players.New(calls, c.Played, p.teams, p.think)
	shown, err := serveConsole(p.http, c)
	if err != nil {
		calls.Close()
		return errors.Join(elsewhere(err), closeCluster(ctx, c, false))
	}
	p.announce(s, c, shown.URL())
	if p.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.length)
		defer cancel()
	}
	p.watch(ctx, s, c, crowd)
	calls.Close()
	return errors.Join(closeConsole(ctx, shown), p.finish(ctx, s, c, crowd))
}

// elsewhere adds the remedy to the error of a port that another process has.
func elsewhere(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: choose other ports, as by -http 127.0.0.1:0, which takes any free ones", err)
	}
	return err
}

// announce says what runs where.
func (p *play) announce(s streams, c *cluster.Cluster, console string) {
	fmt.Fprintf(s.out, "%s: %s play %q\n\n", "leafmesh", counted(p.teams, "team"), c.Played.Title)
	fmt.Fprintf(s.out, "  console  %s\n", console)
	fmt.Fprintf(s.out, "  clue-1   %s\n", c.Clue.URL())
	fmt.Fprintf(s.out, "  hunt-1   %s/v1/hunt\n", c.Hunt.URL())
	fmt.Fprintf(s.out, "  score-1  %s/v1/leaderboard, live: %s/v1/leaderboard/stream\n\n", c.Score.URL(), c.Score.URL())
}

// watch lets the crowd play and prints a line each second, until ctx ends.
func (p *play) watch(ctx context.Context, s streams, c *cluster.Cluster, crowd *players.Crowd) {
	var playing sync.WaitGroup
	playing.Go(func() { crowd.Run(ctx) })
	defer playing.Wait()
	start := time.Now()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	done := false
	for {
		select {
		case <-ticker.C:
			fmt.Fprintln(s.out, statusOf(c, crowd).line(time.Since(start)))
		case <-ctx.Done():
			return
		}
		if !done && crowd.Finished() == p.teams {
			done = true
			fmt.Fprintln(s.out, "every team has solved all it could; the services go on until Ctrl-C")
		}
	}
}

// finish waits for the last events, prints where the teams stand, and closes everything.
func (p *play) finish(ctx context.Context, s streams, c *cluster.Cluster, crowd *players.Crowd) error {
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	settled := c.Settle(drain)
	rows, err := c.Score.Leaderboard(drain, 0)
	if err == nil {
		fmt.Fprintf(s.out, "\n%s\n\n", statusOf(c, crowd).totals())
		err = printBoard(s.out, replay.Standings(rows), topRows)
	}
	return errors.Join(settled, err, closeCluster(ctx, c, settled == nil))
}

// drainTimeout is how long a clean end may take; it takes some milliseconds.
const drainTimeout = 20 * time.Second

// closeCluster closes a cluster, also when ctx has ended. Without drain it does not wait for events
// on their way.
func closeCluster(ctx context.Context, c *cluster.Cluster, drain bool) error {
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if !drain {
		cancel()
	}
	if err := c.Close(closing); err != nil && drain {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
