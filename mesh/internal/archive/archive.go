package archive

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/recorder"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Archive is what a node keeps. Make one with [Open]. Its methods are safe for concurrent use; the
// nil Archive keeps nothing.
type Archive struct {
	Spec
	news   *recorder.News
	chosen *chosen // by the one goroutine of Run: what went wrong here
	told   *chosen // by the one goroutine of Run: what others want kept

	mu      sync.Mutex
	faults  shelf  // guarded by mu: of what went wrong here
	wishes  shelf  // guarded by mu: of what others want kept
	samples shelf  // guarded by mu
	kept    int    // guarded by mu: cascades since the node was opened
	sampled int    // guarded by mu
	problem string // guarded by mu: why the last ones are not kept

	wanted []cause.ID               // guarded by mu: roots that somebody wants kept
	askers map[string]*rate.Limiter // guarded by mu: how many each may want
	asked  chan struct{}            // has an element when there are some

	left atomic.Uint64
}

// Spec says what an archive is to be.
type Spec struct {
	Node   string
	Folder string // "": in memory
	Bytes  int64  // of all that is kept, encoded
	// Kept is told what was kept just now of a cascade, by the goroutine of Run; nil: nobody is.
	Kept func(root cause.ID, records []why.Record)
	// Shelved is told all that was kept just now, also as examples of what is usual; nil: nobody
	// is.
	Shelved  func(records []why.Record)
	Recorder *recorder.Recorder
	Clock    *clock.Clock
	Log      *journal.Log
}

// Open makes an archive, and finds what was kept in its folder; nil if there is no recorder.
func Open(s Spec) (*Archive, error) {
	if s.Recorder == nil {
		return nil, nil
	}
	a := &Archive{Spec: s, news: s.Recorder.News(), chosen: newChosen(), told: newChosen(),
		askers: map[string]*rate.Limiter{}, asked: make(chan struct{}, 1)}
	now := s.Clock.Wall()
	err := errors.Join(a.faults.open(s.Folder, "faults", s.Bytes*5/8, now), a.wishes.open(s.Folder, "wishes", s.Bytes/4, now), a.samples.open(s.Folder, "samples", s.Bytes/8, now))
	return a, err
}

// pause is how long an archive lets news gather before it looks at them: it reads the whole
// recorder for those that are new, some milliseconds.
const pause = 50 * time.Millisecond

// Run keeps what is worth it until done is closed, and then what has come until now.
func (a *Archive) Run(done <-chan struct{}) {
	if a == nil {
		return
	}
	rest := time.NewTimer(pause)
	defer rest.Stop()
	for {
		select {
		case <-a.news.Wake():
		case <-a.asked:
		case <-done:
			a.look()
			return
		}
		a.look()
		rest.Reset(pause)
		select {
		case <-rest.C:
		case <-done:
			a.look()
			return
		}
	}
}

// Keep keeps the cascades of roots for whose sake nothing went wrong here, as somebody wants it: a
// peer of that name, or "" for whoever asks this node. Those that are too many at once are counted
// as left. What is kept so takes room from nothing that went wrong here.
func (a *Archive) Keep(who string, roots []cause.ID) {
	if a == nil || len(roots) == 0 {
		return
	}
	now := time.Unix(0, a.Clock.Now())
	a.mu.Lock()
	limiter := a.askers[who]
	if limiter == nil { // a name that is certain, so there are few
		limiter = rate.NewLimiter(askerRate, askerBurst)
		a.askers[who] = limiter
	}
	left := 0
	for _, root := range roots {
		if len(a.wanted) < maxFollowed && limiter.AllowN(now, 1) {
			a.wanted = append(a.wanted, root)
		} else {
			left++
		}
	}
	a.mu.Unlock()
	a.left.Add(uint64(left))
	if left == len(roots) {
		return
	}
	select {
	case a.asked <- struct{}{}:
	default: // it is told already
	}
}

// takeWanted chooses the cascades that somebody wants kept.
func (a *Archive) takeWanted(now int64, fresh map[cause.ID]bool) {
	a.mu.Lock()
	wanted := a.wanted
	a.wanted = nil
	a.mu.Unlock()
	for _, root := range wanted {
		switch {
		case a.has(root):
		case a.told.add(root, now):
			fresh[root] = true
			a.Recorder.Also(root)
		default:
			a.left.Add(1)
		}
	}
}

// has reports whether the cascade of a root is kept at present.
func (a *Archive) has(root cause.ID) bool { return a.chosen.has(root) || a.told.has(root) }

// look reads the news, and keeps what belongs to cascades that are chosen.
func (a *Archive) look() {
	now := a.Clock.Now()
	more, fresh := map[cause.ID][]why.Record{}, map[cause.ID]bool{}
	samples := map[cause.ID][]why.Record{}
	left := uint64(0)
	a.takeWanted(now, fresh)
	fellOut := a.news.Read(func(r why.Record) {
		switch chosen := a.chosen.has(r.Root); {
		case chosen && fresh[r.Root]: // comes with all there is of it
		case !chosen && a.chosen.choose(&r, now): // also if others wanted it
			fresh[r.Root] = true
			a.Recorder.Also(r.Root) // before looking for what there is: nothing falls between
		case fresh[r.Root]:
		case a.has(r.Root):
			more[r.Root] = append(more[r.Root], r)
		default:
			left++
		}
		left += uint64(r.Count) - 1 // each of these was the end of a cascade, or a part of one
	}, func(r why.Record) {
		if known := a.has(r.Root); known && !fresh[r.Root] {
			more[r.Root] = append(more[r.Root], r)
		} else if !known && why.Sampled(r.Root) {
			samples[r.Root] = append(samples[r.Root], r)
		}
	})
	a.left.Add(left + fellOut)
	if len(fresh) > 0 {
		a.Recorder.Find(recorder.Ask{Roots: fresh}, func(r why.Record) { more[r.Root] = append(more[r.Root], r) })
		a.keepCauses(fresh, more)
	}
	if trimmed := a.chosen.trim(); a.told.trim() || trimmed {
		a.Recorder.Follow(append(a.chosen.roots(), a.told.roots()...))
	}
	if shelved := a.keep(more, fresh, samples); len(shelved) > 0 && a.Shelved != nil {
		a.Shelved(shelved)
	}
	if a.Kept != nil {
		for root, records := range more {
			a.Kept(root, records)
		}
	}
}

// keepCauses keeps the cascades that led to some by mesh.NewRoot, as the cause of what went wrong
// may be there: the handler that emitted the root ran on this node, and so the recorder knows of
// which cascade its event was. Theirs are kept in turn.
func (a *Archive) keepCauses(fresh map[cause.ID]bool, records map[cause.ID][]why.Record) {
	parents := map[cause.ID]bool{}
	for root := range fresh {
		for _, r := range records[root] {
			if r.Event == root && !r.Parent.IsZero() {
				parents[r.Parent] = true
			}
		}
	}
	if len(parents) == 0 {
		return
	}
	roots := map[cause.ID]bool{}
	a.Recorder.Find(recorder.Ask{Events: parents}, func(r why.Record) {
		if !a.has(r.Root) {
			roots[r.Root] = true
		}
	})
	a.Keep("", slices.Collect(maps.Keys(roots)))
}

// keep puts records onto the shelves, and returns which.
func (a *Archive) keep(more map[cause.ID][]why.Record, fresh map[cause.ID]bool, samples map[cause.ID][]why.Record) (shelved []why.Record) {
	if len(more) == 0 && len(samples) == 0 {
		return nil
	}
	now := a.Clock.Wall()
	a.mu.Lock()
	defer a.mu.Unlock()
	failed := failures{}
	for root, records := range more {
		if fresh[root] {
			a.kept++
		}
		shelf, chosen := &a.wishes, a.told
		if a.chosen.has(root) {
			shelf, chosen = &a.faults, a.chosen
		}
		records = chosen.room(root, why.Compact(records))
		shelved = append(shelved, records...)
		failed.add(shelf.put(root, records, now))
	}
	for root, records := range samples {
		for _, r := range records {
			if r.Event == root && r.Outcome == stats.Admitted {
				a.sampled++
			}
		}
		shelved = append(shelved, records...)
		failed.add(a.samples.put(root, records, now))
	}
	a.problem = ""
	if err := failed.err(); err != nil {
		a.problem = err.Error()
		a.Log.Warn("cascades not kept", "error", err,
			"remedy", "free the disk at "+a.Folder+", or let the node write there; what comes then is kept again")
	}
	return shelved
}

// Find calls found for the records that are asked for. An error says what cannot be read.
func (a *Archive) Find(ask recorder.Ask, found func(why.Record)) error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	each := func(r why.Record) {
		if ask.Wants(r.Event, r.Root, r.Parent) {
			found(r)
		}
	}
	return errors.Join(a.faults.each(each), a.wishes.each(each), a.samples.each(each))
}

// Faults gives all records of the cascades in which something went wrong on this node or took long,
// in the order in which they were kept. An error says what cannot be read, of all that is kept.
func (a *Archive) Faults() (records []why.Record, err error) {
	if a == nil {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	err = a.faults.each(func(r why.Record) { records = append(records, r) })
	return records, errors.Join(err, a.wishes.each(nil), a.samples.each(nil))
}

// Stats completes what the recorder tells of itself; s may be nil.
func (a *Archive) Stats(s *stats.Recorder) *stats.Recorder {
	if a == nil || s == nil {
		return s
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Kept, s.Samples, s.Left, s.Bytes, s.Problem = a.kept, a.sampled, a.left.Load(), a.faults.bytes()+a.wishes.bytes()+a.samples.bytes(), a.problem
	return s
}

// Close ends what Open began, once Run has returned. What is kept can still be found.
func (a *Archive) Close() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.faults.close(), a.wishes.close(), a.samples.close())
}
