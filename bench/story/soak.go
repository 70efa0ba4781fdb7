package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"leafmesh/bench/story/cascade"
	"leafmesh/bench/story/part"
)

const (
	// soakRate is that of a soak, in roots a second: half of what two cores take easily, and enough
	// to fill in three minutes all that a node remembers up to a bound.
	soakRate = 1000
	// looks is how often a soak looks at the processes.
	looks = 120
	// heapAfter is how long a soak lasts whose heap says something: before, what nodes
	// remember up to a bound still grows.
	heapAfter = 10 * time.Minute
	mega      = 1e6
)

// growth is what a process took in the middle third of a soak and in the last one: the medians.
type growth struct {
	service       string
	before, after part.Vitals
}

// soak lets leafmesh run for a time, with all that services do, and fails unless what the processes
// take stays flat and each root was handled once.
func soak(ctx context.Context, length time.Duration, rate int, out io.Writer) (err error) {
	t := trial{Side: leafmesh, Line: "c", Rate: rate}
	a := part.Assignment{Side: leafmesh, Line: lines[2].Line, Roots: int(float64(rate) * length.Seconds()), BadRoot: -1}
	s := &stage{}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx, a); err != nil {
		return fmt.Errorf("soak: %w", err)
	}
	if err := s.processes[0].Emit(rate); err != nil {
		return err
	}
	seen, err := s.watch(ctx, length/looks)
	if err != nil {
		return err
	}
	if err := s.settle(ctx, int64(a.Roots)*cascade.Effects, length); err != nil {
		return err
	}
	if err := s.report(&t); err != nil {
		return err
	}
	grown := thirds(seen)
	fmt.Fprintln(out, t)
	if err := writeGrowth(out, grown); err != nil {
		return err
	}
	for _, g := range grown {
		err = errors.Join(err, g.flat(length >= heapAfter))
	}
	return errors.Join(err, report{Trials: []trial{t}}.accounted())
}

// watch looks at all services until all roots came in.
func (s *stage) watch(ctx context.Context, every time.Duration) (seen [][]part.Vitals, err error) {
	look := time.NewTicker(every)
	defer look.Stop()
	for emitting := true; emitting; {
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		emitting = false
		now := make([]part.Vitals, s.services)
		for i, p := range s.processes[:s.services] {
			v, more, err := p.Vitals()
			if err != nil {
				return nil, err
			}
			now[i], emitting = v, emitting || more
		}
		seen = append(seen, now)
	}
	return seen, nil
}

// thirds compares the last third of the looks with the one before.
func thirds(seen [][]part.Vitals) (all []growth) {
	third := len(seen) / 3
	for i, service := range cascade.Services {
		before, after := seen[third:2*third], seen[2*third:]
		all = append(all, growth{service, medians(before, i), medians(after, i)})
	}
	return all
}

func medians(looks [][]part.Vitals, service int) part.Vitals {
	return part.Vitals{
		Heap:        median(looks, func(v []part.Vitals) uint64 { return v[service].Heap }),
		Goroutines:  median(looks, func(v []part.Vitals) int { return v[service].Goroutines }),
		Descriptors: median(looks, func(v []part.Vitals) int { return v[service].Descriptors }),
	}
}

func median[T cmp.Ordered](looks [][]part.Vitals, of func([]part.Vitals) T) T {
	values := make([]T, len(looks))
	for i, v := range looks {
		values[i] = of(v)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// What may come and go: a handful of goroutines and descriptors, for what happens to be under way,
// and a tenth of the heap.
const (
	looseGoroutines  = 10
	looseDescriptors = 4
	looseHeap        = 1.1
)

// flat says what grew.
func (g growth) flat(heap bool) error {
	switch {
	case g.after.Goroutines > g.before.Goroutines+looseGoroutines:
		return fmt.Errorf("%s: goroutines grew from %d to %d", g.service, g.before.Goroutines, g.after.Goroutines)
	case g.after.Descriptors > g.before.Descriptors+looseDescriptors:
		return fmt.Errorf("%s: descriptors grew from %d to %d", g.service, g.before.Descriptors, g.after.Descriptors)
	case heap && float64(g.after.Heap) > looseHeap*float64(g.before.Heap):
		return fmt.Errorf("%s: the heap grew from %.1f to %.1f MB", g.service, float64(g.before.Heap)/mega, float64(g.after.Heap)/mega)
	}
	return nil
}

func writeGrowth(out io.Writer, all []growth) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "medians of the middle third and the last\tHEAP, MB\tGOROUTINES\tDESCRIPTORS")
	for _, g := range all {
		fmt.Fprintf(table, "%s\t%.1f, %.1f\t%d, %d\t%d, %d\n", g.service, float64(g.before.Heap)/mega, float64(g.after.Heap)/mega,
			g.before.Goroutines, g.after.Goroutines, g.before.Descriptors, g.after.Descriptors)
	}
	return table.Flush()
}
