package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"leafmesh/mesh/graph"
)

const (
	// sampleEvery is how often nodes are asked while somebody looks: a link that breaks is seen
	// well within two seconds.
	sampleEvery = 500 * time.Millisecond
	// graphEvery is how many samples go by between two looks at the graph, in which cycles are
	// looked for.
	graphEvery = 4
	// maxStreams bounds who looks at once.
	maxStreams = 64
	// writeTimeout is how long a page may take to accept one snapshot.
	writeTimeout = 10 * time.Second
)

// live samples the mesh for all who look at it, while somebody does.
type live struct {
	ctx context.Context // the console's
	now *answers

	mu       sync.Mutex
	watchers map[chan []byte]struct{} // guarded by mu: each holds the newest snapshot that was not taken
	sampling bool                     // guarded by mu: a goroutine samples
	ended    bool                     // guarded by mu
	samplers sync.WaitGroup
}

func newLive(ctx context.Context, now *answers) *live {
	return &live{ctx: ctx, now: now, watchers: map[chan []byte]struct{}{}}
}

// stream sends a snapshot for each sample, as server-sent events. Who is slow misses some.
func (l *live) stream(w http.ResponseWriter, r *http.Request) {
	news, ok := l.join()
	if !ok {
		w.Header().Set("Retry-After", "10")
		fail(w, http.StatusServiceUnavailable, fmt.Sprintf("%d pages look already", maxStreams))
		return
	}
	defer l.leave(news)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	for {
		select {
		case <-r.Context().Done():
			return
		case <-l.ctx.Done():
			return
		case snapshot := <-news:
			// A writer that knows no deadline is no connection, and needs none.
			_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
			if _, err := fmt.Fprintf(w, "data: %s\n\n", snapshot); err != nil || control.Flush() != nil {
				return
			}
		}
	}
}

// join lets somebody look, unless too many do.
func (l *live) join() (news chan []byte, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.watchers) >= maxStreams || l.ended {
		return nil, false
	}
	news = make(chan []byte, 1)
	l.watchers[news] = struct{}{}
	if !l.sampling {
		l.sampling = true
		l.samplers.Go(l.run)
	}
	return news, true
}

// end waits until nothing is asked any more. The console's context has ended.
func (l *live) end() {
	l.mu.Lock()
	l.ended = true // from here on nobody joins
	l.mu.Unlock()
	l.samplers.Wait()
}

func (l *live) leave(news chan []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.watchers, news)
}

// run asks and tells until nobody looks.
func (l *live) run() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	var rates meter
	var newest []byte
	for round := 0; ; round++ {
		var look []Answer[graph.Graph]
		var looking sync.WaitGroup // beside the counters: a node that hangs takes the time of one question
		if round%graphEvery == 0 {
			looking.Go(func() { look, _ = l.now.graph.get(l.ctx) })
		}
		counters, at := l.now.stats.get(l.ctx)
		looking.Wait()
		if at.After(rates.last.at) { // else this comes soon after a slow one
			data, err := json.Marshal(rates.read(at, counters, look))
			if err != nil {
				panic(fmt.Sprintf("console: encode a snapshot: %v", err)) // numbers and texts
			}
			newest = data
		}
		if !l.tell(newest) {
			return
		}
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
	}
}

// tell gives all watchers a snapshot. It reports whether there are some; if not, sampling has
// ended.
func (l *live) tell(snapshot []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for news := range l.watchers {
		select {
		case <-news: // an older one that was not taken
		default:
		}
		news <- snapshot
	}
	l.sampling = len(l.watchers) > 0
	return l.sampling
}
