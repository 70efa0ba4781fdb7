package console

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// held is what the nodes answered to one question last, for all who ask for it soon.
type held[T any] struct {
	ask func(context.Context) []Answer[T]
	// hold is how long the answers hold, and within how long they are waited for.
	hold, within time.Duration

	changed atomic.Bool // somebody has changed a node since
	mu      sync.Mutex  // held while the nodes are asked
	at      time.Time   // guarded by mu: when they were asked
	done    time.Time   // guarded by mu: when they had answered
	answers []Answer[T] // guarded by mu: what is in it does not change
}

// get returns the answers, and when they were asked for. ctx is the console's: the answers are for
// others too, and so must not end with the page that has them asked for. Who has waited for answers
// takes them, however long that took: else pages would queue up while a node hangs.
func (h *held[T]) get(ctx context.Context) ([]Answer[T], time.Time) {
	came := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed.Swap(false) || h.done.Before(came) && time.Since(h.at) >= h.hold {
		h.at = time.Now()
		ctx, cancel := context.WithTimeout(ctx, h.within)
		defer cancel()
		h.answers, h.done = h.ask(ctx), time.Now()
	}
	return h.answers, h.at
}

// answers are those to what pages ask again and again.
type answers struct {
	stats     held[stats.Stats]
	graph     held[graph.Graph]
	rules     held[[]config.Rule]
	places    held[[]stats.Place]
	letters   held[[]stats.Letter]
	kept      held[[]why.Summary]
	durations held[[]stats.Durations]
	mayChange held[bool]
}

// Answers hold for a little less than the time after which a page asks again. The live page must
// not stand still, so a node has one second for it; a list may take longer.
const (
	holdStats, holdRules, holdLists = 4 * sampleEvery / 5, 800 * time.Millisecond, 1800 * time.Millisecond
	holdRights                      = 5 * time.Second // they change with a reload
	sampleFor, listFor              = 2 * sampleEvery, 5 * time.Second
)

func newAnswers(s Source, c Changer) *answers {
	mayChange := func(context.Context) []Answer[bool] { return nil }
	if c != nil {
		mayChange = c.MayChange
	}
	return &answers{
		stats:     held[stats.Stats]{ask: s.Stats, hold: holdStats, within: sampleFor},
		graph:     held[graph.Graph]{ask: s.Graph, hold: holdStats, within: sampleFor},
		rules:     held[[]config.Rule]{ask: s.Rules, hold: holdRules, within: listFor},
		places:    held[[]stats.Place]{ask: s.Places, hold: holdRules, within: listFor},
		letters:   held[[]stats.Letter]{ask: s.Letters, hold: holdLists, within: listFor},
		kept:      held[[]why.Summary]{ask: s.Kept, hold: holdLists, within: listFor},
		durations: held[[]stats.Durations]{ask: s.Durations, hold: holdLists, within: listFor},
		mayChange: held[bool]{ask: mayChange, hold: holdRights, within: listFor},
	}
}

// changeable names the nodes that may be changed. One that does not say so is none, and why it does
// not is one more problem.
func (a *answers) changeable(ctx context.Context, list problems) ([]string, problems) {
	names := []string{}
	answers, _ := a.mayChange.get(ctx)
	for _, one := range answers {
		if one.Err == nil && one.Value {
			names = append(names, one.Node)
		}
	}
	return names, addProblems(list, answers)
}

// forget has the nodes asked anew for what a change may have changed.
func (a *answers) forget() {
	for _, changed := range []*atomic.Bool{&a.rules.changed, &a.places.changed, &a.letters.changed} {
		changed.Store(true)
	}
}
