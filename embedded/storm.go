package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"leafmesh/embedded/sick"
	"leafmesh/embedded/storm"
)

// raiseStorm is the command that floods three nodes with the cascade guard off and on; or, with
// sick, that runs healthy handlers beside sick ones.
type raiseStorm struct {
	rate   float64
	length time.Duration
	sick   bool
	json   bool
}

const (
	// maxStormRate is far above what the guard can make harmless on a laptop.
	maxStormRate = 10_000
	// With less than minStorm there are too few readings for a mean; more than maxStorm is a slip
	// of the keyboard.
	minStorm, maxStorm = 50 * time.Millisecond, 10 * time.Minute
)

func (r *raiseStorm) declare(f *flag.FlagSet) {
	f.Float64Var(&r.rate, "rate", storm.DefaultRate, "")
	f.DurationVar(&r.length, "for", storm.DefaultFor, "")
	f.BoolVar(&r.sick, "sick", false, "")
	f.BoolVar(&r.json, "json", false, "")
}

func (r *raiseStorm) check() error {
	switch {
	case !(r.rate > 0 && r.rate <= maxStormRate): // also if it is no number
		return wrongf("storm: -rate %v is not above 0 and at most %d", r.rate, maxStormRate)
	case r.length < minStorm || r.length > maxStorm:
		return wrongf("storm: -for %v is not from %v to %v", r.length, minStorm, maxStorm)
	case r.sick && r.rate != storm.DefaultRate:
		return wrongf("storm: -rate is of root events; with -sick there are none")
	case r.sick && r.length < sick.MinFor:
		return wrongf("storm: -for %v is less than %v, which each sickness needs", r.length, sick.MinFor)
	}
	return nil
}

func (r *raiseStorm) run(ctx context.Context, s streams) error {
	if r.sick {
		return r.runSick(ctx, s)
	}
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

func (r *raiseStorm) runSick(ctx context.Context, s streams) error {
	o := sick.Options{For: r.length}
	fmt.Fprintf(s.err, "three nodes, healthy handlers, keys and emitters beside sick ones, %v each; this takes %v\n",
		r.length, o.Duration().Round(time.Second))
	result, err := sick.Run(ctx, o)
	if err != nil {
		return err
	}
	if r.json {
		return printJSON(s.out, result)
	}
	return printSick(s.out, result)
}
