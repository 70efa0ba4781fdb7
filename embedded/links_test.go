package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh/meshtest"
)

// TestNothingIsLostOnBadLinks cuts, stalls and breaks the links between the daemons at random
// moments, while a log is replayed. In the end the services must hold exactly what the log says.
func TestNothingIsLostOnBadLinks(t *testing.T) {
	t.Parallel()
	random := random(t)
	programs := build(t)
	for _, r := range rounds(t, form{10, 60, 200}) {
		t.Run(r.name, func(t *testing.T) {
			b := &breaker{random: random, troubles: r.troubles}
			b.trial = newTrial(t, programs, r.log, func(importer, exporter, address string) string {
				l := link{importer: importer, exporter: exporter, proxy: meshtest.OpenProxy(t, address)}
				b.links = append(b.links, l)
				return l.proxy.Addr()
			})
			period := 1500 * time.Millisecond // about how long one trouble takes, with the rest before it
			if extended() {
				period = 3500 * time.Millisecond
			}
			b.trial.run(t, time.Duration(r.troubles)*period, b.run)
		})
	}
}

// breaker makes trouble on links.
type breaker struct {
	trial    *trial
	random   *rand.Rand
	links    []link
	troubles int
	order    []int // of the next kinds
}

// link is a directed link: the importer dials the exporter, and events go from the exporter to the
// importer.
type link struct {
	importer, exporter string
	proxy              *meshtest.Proxy
}

// run makes all troubles, one after the other, and mends each.
func (b *breaker) run(ctx context.Context) error {
	// A peer has a URL also where nothing is imported from it, and is not dialed then.
	b.links = slices.DeleteFunc(b.links, func(l link) bool { return l.proxy.Forwarded(meshtest.Both) == 0 })
	for n := 0; n < b.troubles && ctx.Err() == nil; n++ {
		pause(ctx, between(b.random, 0, time.Second))
		l := b.links[b.random.IntN(len(b.links))]
		lasts := between(b.random, 100*time.Millisecond, 2*time.Second)
		if extended() && b.random.IntN(8) == 0 {
			lasts = between(b.random, 10*time.Second, 20*time.Second) // a dead peer is noticed after 14 s at most
		}
		one := b.next()
		one.begin(l.proxy, b.random.IntN(300)) // a message or two
		b.trial.note("link of %s to %s: %s, for %.3f s", l.importer, l.exporter, one.what, lasts.Seconds())
		pause(ctx, lasts)
		l.proxy.Restore()
	}
	return nil
}

// trouble is something that happens to a link.
type trouble struct {
	what  string
	begin func(p *meshtest.Proxy, bytes int)
}

var linkTroubles = []trouble{
	{"cut", func(p *meshtest.Proxy, _ int) { p.Cut() }},
	{"stalled", func(p *meshtest.Proxy, _ int) { p.Stall(meshtest.Both) }},
	{"stalled toward the exporter", func(p *meshtest.Proxy, _ int) { p.Stall(meshtest.ToTarget) }},
	{"stalled toward the importer", func(p *meshtest.Proxy, _ int) { p.Stall(meshtest.FromTarget) }},
	{"reset in the middle of what goes to the exporter", func(p *meshtest.Proxy, bytes int) { p.Reset(meshtest.ToTarget, bytes) }},
	{"reset in the middle of what goes to the importer", func(p *meshtest.Proxy, bytes int) { p.Reset(meshtest.FromTarget, bytes) }},
}

// next is the next kind of trouble: each once in a random order, then each once again, so that a
// few are of all kinds.
func (b *breaker) next() trouble {
	if len(b.order) == 0 {
		b.order = b.random.Perm(len(linkTroubles))
	}
	one := linkTroubles[b.order[0]]
	b.order = b.order[1:]
	return one
}
