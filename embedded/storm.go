package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"leafmesh/embedded/storm"
)

// raiseStorm is the command that floods three nodes with the cascade guard off and on.
type raiseStorm struct {
	rate   float64
	length time.Duration
	json   bool
}

const (
	// maxStormRate is far above what the guard can make harmless on a laptop.
	maxStormRate = 10_000
	// With less than minStorm there are too few readings for a mean; more than maxStorm is a slip of the keyboard.
	minStorm, maxStorm = 50 * time.Millisecond, 10 * time.Minute
)

func (r *raiseStorm) declare(f *flag.FlagSet) {
	f.Float64Var(&r.rate, "rate", storm.DefaultRate, "")
	f.DurationVar(&r.length, "for", storm.DefaultFor, "")
	f.BoolVar(&r.json, "json", false, "")
}

func (r *raiseStorm) check() error {
	switch {
	case !(r.rate > 0 && r.rate <= maxStormRate): // also if it is no number
		return wrongf("storm: -rate %v is not above 0 and at most %d", r.rate, maxStormRate)
	case r.length < minStorm || r.length > maxStorm:
		return wrongf("storm: -for %v is not from %v to %v", r.length, minStorm, maxStorm)
	}
	return nil
}

func (r *raiseStorm) run(ctx context.Context, s streams) error {
	fmt.Fprintf(s.err, "three nodes, %v root events a second for %v, with the cascade guard off and then on; this takes %v\n",
		r.rate, r.length, (4*r.length + 2*time.Second).Round(time.Second))
	result, err := storm.Run(ctx, storm.Options{Rate: r.rate, For: r.length, Cap: storm.DefaultCap})
	if err != nil {
		return err
	}
	if r.json {
		return printJSON(s.out, result)
	}
	return printStorm(s.out, result)
}
