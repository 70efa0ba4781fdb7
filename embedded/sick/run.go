package sick

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Options say how long to run.
type Options struct {
	// For is how long each sickness lasts in all, and the quiet times beside it. It is divided into
	// rounds of a second or more.
	For time.Duration
}

const (
	// DefaultFor gives five rounds, so that one pause of the machine changes no median.
	DefaultFor = 5 * time.Second
	// MinFor is what each sickness needs to be seen in the counters.
	MinFor = 400 * time.Millisecond
)

// roundLength is how long a quiet time and a sickness last in one round.
const roundLength = time.Second

// warmUp is how long all run, well, before anything is measured, at most.
const warmUp = 500 * time.Millisecond

// Duration is how long Run takes with such options, about.
func (o Options) Duration() time.Duration {
	rounds, length := o.rounds()
	sum := 2 * time.Second
	for _, s := range sicknesses {
		sum += time.Duration(2*rounds) * max(length, s.least)
	}
	return sum
}

func (o Options) rounds() (count int, length time.Duration) {
	count = max(1, int(o.For/roundLength))
	return count, o.For / time.Duration(count)
}

// Run runs the healthy beside each sickness in turn, and compares.
//
// Errors: those of nodes that do not start, link, come to rest or close; a sickness that no counter
// shows; and the cause of ctx when it ends.
func Run(ctx context.Context, o Options) (r Result, err error) {
	w := newWard()
	defer func() {
		if err = errors.Join(err, w.close(ctx)); err != nil {
			err = failed(ctx, err)
		}
	}()
	if err := w.open(ctx); err != nil {
		return r, err
	}
	rounds, length := o.rounds()
	found, err := w.measure(ctx, rounds, length)
	if err != nil {
		return r, err
	}
	r = Result{Seconds: o.For.Seconds(), Rounds: rounds, Held: true}
	for i := range sicknesses {
		s := resultOf(w, &sicknesses[i], found[i])
		if err := s.check(); err != nil {
			return r, err
		}
		r.Sicknesses = append(r.Sicknesses, s)
		r.Held = r.Held && s.Held
	}
	r.Summary = r.summarize()
	return r, nil
}

// measure goes through all rounds. The result is by sickness and round.
func (w *ward) measure(ctx context.Context, rounds int, length time.Duration) ([][]round, error) {
	if _, err := w.phase(ctx, &sicknesses[0], false, min(length, warmUp)); err != nil {
		return nil, err
	}
	found := make([][]round, len(sicknesses))
	for range rounds {
		for i := range sicknesses {
			quiet, err := w.phase(ctx, &sicknesses[i], false, length)
			if err != nil {
				return nil, err
			}
			sick, err := w.phase(ctx, &sicknesses[i], true, length)
			if err != nil {
				return nil, err
			}
			found[i] = append(found[i], round{quiet, sick})
		}
	}
	return found, nil
}

// round is what was measured in a quiet time, and in the sickness after it.
type round struct{ quiet, sick map[string]Measured }

// check reports whether the sickness was one.
func (s *Sickness) check() error {
	for _, name := range slices.Sorted(maps.Keys(s.Counts)) {
		if s.Counts[name] == 0 {
			return fmt.Errorf("%s: it was not sick, as %s is 0: let it last longer", s.Name, name)
		}
	}
	return nil
}

func failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("healthy beside sick: stopped before there was a result: %w", err)
	}
	return fmt.Errorf("healthy beside sick: %w", err)
}
