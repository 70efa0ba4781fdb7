package score

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// feedInterval is the least time between two readings of the leaderboard for its streams: live
	// to the eye, and at most ten readings a second whatever the number of solves and of clients.
	// One takes 1 ms for 450 teams.
	feedInterval = 100 * time.Millisecond
	// maxSubscribers bounds the streams; each holds a connection and up to one row for each team.
	maxSubscribers = 256
)

// errCrowded is returned by subscribe when maxSubscribers are there, and no client has more than
// the one who asks.
var errCrowded = errors.New("too many streams are open")

// feed tells subscribers how the leaderboard changes. It reads the leaderboard after changes,
// compares it with what it read before, and puts the difference into each subscriber's buffer. One
// goroutine reads, so an older reading never comes after a newer one; handlers only knock.
type feed struct {
	read      func(context.Context) ([]place, error)
	knock     chan struct{} // capacity 1: there is something to read
	coalesced atomic.Int64  // rows that were replaced before a slow client took them, of all subscribers so far

	cancel context.CancelFunc // set by start
	done   chan struct{}      // closed when run has ended; set by start

	mu          sync.Mutex
	subscribers map[*subscriber]struct{} // guarded by mu
}

func newFeed(read func(context.Context) ([]place, error)) *feed {
	return &feed{read: read, knock: make(chan struct{}, 1), subscribers: make(map[*subscriber]struct{})}
}

// start starts the goroutine, which stop or the end of ctx ends.
func (f *feed) start(ctx context.Context) {
	ctx, f.cancel = context.WithCancel(ctx)
	f.done = make(chan struct{})
	go f.run(ctx)
}

// stop ends the goroutine and waits for it. Harmless when it has ended or was not started.
func (f *feed) stop() {
	if f.cancel == nil {
		return
	}
	f.cancel()
	<-f.done
}

// changed says that the leaderboard may have changed. It never blocks.
func (f *feed) changed() {
	select {
	case f.knock <- struct{}{}:
	default: // a reading is due anyway, and it begins after this change
	}
}

// run reads and distributes until ctx ends.
func (f *feed) run(ctx context.Context) {
	defer close(f.done)
	before := make(map[string]place)
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.knock:
		}
		if f.count() > 0 {
			err := f.distribute(ctx, before)
			if err != nil && !failing && ctx.Err() == nil {
				slog.Error("score: streams stand still until the leaderboard can be read", "error", err)
			}
			failing = err != nil
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(feedInterval):
		}
	}
}

// distribute reads the leaderboard once and brings before up to date with it. After an error it
// will be called again.
func (f *feed) distribute(ctx context.Context, before map[string]place) error {
	now, err := f.read(ctx)
	if err != nil {
		f.changed()
		return err
	}
	changed := changes(before, now)
	for _, p := range changed {
		before[p.Team] = p
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subscribers {
		s.put(now, changed)
	}
	return nil
}

// subscribe adds a subscriber of a client, whose first update will be the whole leaderboard. When
// no place is left, the client with the most streams loses one to those with less, so that nobody
// can keep all others out; a lone client, such as a proxy, may have all. The caller unsubscribes
// it.
func (f *feed) subscribe(client string) (*subscriber, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subscribers) >= maxSubscribers {
		victim := f.crowdingLocked(client)
		if victim == nil {
			return nil, errCrowded
		}
		delete(f.subscribers, victim)
		victim.end()
	}
	s := &subscriber{client: client, ready: make(chan struct{}, 1), coalesced: &f.coalesced}
	f.subscribers[s] = struct{}{}
	f.changed()
	return s, nil
}

// crowdingLocked is a stream of the client that has the most; nil unless that one still has as many
// as the newcomer when it has lost it.
func (f *feed) crowdingLocked(newcomer string) (victim *subscriber) {
	streams := make(map[string]int)
	for s := range f.subscribers {
		streams[s.client]++
	}
	for s := range f.subscribers {
		if victim == nil || streams[s.client] > streams[victim.client] {
			victim = s
		}
	}
	if streams[victim.client] <= streams[newcomer]+1 {
		return nil
	}
	return victim
}

// unsubscribe removes a subscriber.
func (f *feed) unsubscribe(s *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers, s)
}

// count is the number of subscribers.
func (f *feed) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subscribers)
}

// subscriber is the buffer of one stream: the newest row of each team that changed since the client
// last took them. It is bounded by the number of teams, however slow the client.
type subscriber struct {
	client    string        // whose stream it is
	ready     chan struct{} // capacity 1: take will find something; closed when the stream has to end
	coalesced *atomic.Int64 // of the feed

	mu       sync.Mutex
	ended    bool             // guarded by mu: ready is closed
	begun    bool             // guarded by mu: the whole leaderboard was put
	snapshot bool             // guarded by mu: pending holds the whole leaderboard
	pending  map[string]place // guarded by mu
	replaced int              // guarded by mu: rows of pending that took the place of one not yet taken
}

// put adds a reading to the buffer: all of it the first time, later what has changed.
func (s *subscriber) put(now, changed []place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if !s.begun {
		s.begun, s.snapshot = true, true
		changed = now
	} else if len(changed) == 0 {
		return
	}
	if s.pending == nil {
		s.pending = make(map[string]place, len(changed))
	}
	for _, p := range changed {
		if _, waits := s.pending[p.Team]; waits {
			s.replaced++
			s.coalesced.Add(1)
		}
		s.pending[p.Team] = p
	}
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// end ends the stream; what waits is still taken.
func (s *subscriber) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	close(s.ready)
}

// take empties the buffer. It returns false when there is nothing to tell.
func (s *subscriber) take() (update, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.snapshot && len(s.pending) == 0 {
		return update{}, false
	}
	places := make([]place, 0, len(s.pending))
	for _, p := range s.pending {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Team, b.Team)) })
	u := update{Snapshot: s.snapshot, Coalesced: s.replaced, Rows: rows(places)}
	s.snapshot, s.replaced, s.pending = false, 0, nil
	return u, true
}
