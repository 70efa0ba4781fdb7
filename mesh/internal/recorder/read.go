package recorder

import (
	"strings"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// News is read by one goroutine: what went wrong, and what became of cascades that are kept, since
// the last time.
type News struct {
	recorder                *Recorder
	trouble, refusals, kept uint64 // how far the rings were read
}

// News makes a reader that begins with the oldest records there are.
func (r *Recorder) News() *News { return &News{recorder: r} }

// Wake has an element when there is news.
func (n *News) Wake() <-chan struct{} { return n.recorder.wake }

// Read calls troubled for each record of what went wrong, and later for each record of a cascade
// that is kept. It returns how many fell out unread.
func (n *News) Read(troubled, later func(why.Record)) (fellOut uint64) {
	r := n.recorder
	r.woken.Store(false) // before reading: what comes now calls again
	t := r.translator()
	for _, part := range []struct {
		ring *ring
		from *uint64
		tell func(why.Record)
	}{{&r.trouble, &n.trouble, troubled}, {&r.refusals, &n.refusals, troubled}, {&r.kept, &n.kept, later}} {
		next, missed := part.ring.read(*part.from, func(s *seen) { part.tell(t.record(s)) })
		*part.from = next
		fellOut += missed
	}
	return fellOut
}

// Follow lets later records of these cascades, and of no others, come as news.
func (r *Recorder) Follow(roots []cause.ID) {
	f := &filter{}
	for _, root := range roots {
		f.add(root)
	}
	r.followed.Store(f)
}

// Also lets later records of one more cascade come as news.
func (r *Recorder) Also(root cause.ID) { r.followed.Load().add(root) }

// Ask is what records are searched for.
type Ask struct {
	Roots  map[cause.ID]bool // of these cascades
	Events map[cause.ID]bool // of these events
	Causes map[cause.ID]bool // of roots that these events' handlers emitted: see mesh.NewRoot
}

// Wants reports whether a record of an event is asked for.
func (a *Ask) Wants(event, root, parent cause.ID) bool {
	return a.Roots[root] || len(a.Events) > 0 && a.Events[event] ||
		len(a.Causes) > 0 && root == event && a.Causes[parent]
}

// Find calls found for the records that are asked for, of all rings. It reads all there is, 32 MiB
// in some milliseconds.
func (r *Recorder) Find(a Ask, found func(why.Record)) {
	if r == nil {
		return
	}
	t := r.translator()
	for _, ring := range r.rings() {
		ring.read(0, func(s *seen) {
			if a.Wants(s.event, s.root, s.parent) {
				found(t.record(s))
			}
		})
	}
}

func (r *Recorder) rings() []*ring {
	rings := []*ring{&r.trouble, &r.refusals, &r.kept}
	for i := range r.usual {
		rings = append(rings, &r.usual[i])
	}
	return rings
}

// Stats tells how full the recorder is; nil if there is none.
func (r *Recorder) Stats() *stats.Recorder {
	if r == nil {
		return nil
	}
	s := &stats.Recorder{Missed: r.missed.Load()}
	for i, ring := range r.rings() {
		since, fellOut := ring.reach()
		s.FellOut += fellOut
		if i >= 3 { // of what is usual
			s.Since = max(s.Since, since)
		}
	}
	return s
}

// translator makes records that people can read. It remembers the steps of paths, as many events
// have the same.
type translator struct {
	recorder *Recorder
	channels []*Channel
	paths    map[uint32][]string
}

func (r *Recorder) translator() *translator {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &translator{recorder: r, channels: r.channels, paths: map[uint32][]string{}}
}

func (t *translator) record(s *seen) why.Record {
	if int(s.channel) >= len(t.channels) { // made after this began
		t.channels = t.recorder.translator().channels
	}
	step := t.channels[s.channel].step
	return why.Record{Node: t.recorder.node, Event: s.event, Root: s.root, Parent: s.parent, Type: step.Type, Key: strings.ToValidUTF8(s.keyText(), "?"),
		Path:    t.path(s.path),
		Outcome: step.Outcome, Place: step.Place, Rule: step.Rule, Emitted: s.emitted, At: s.at, Took: time.Duration(s.took), Count: s.count, Error: s.text}
}

func (t *translator) path(number uint32) []string {
	steps, known := t.paths[number]
	if p := t.recorder.paths.Numbered(number); !known && p != nil {
		steps = p.Steps()
		t.paths[number] = steps
	}
	return steps
}
