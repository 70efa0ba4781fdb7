package outbox

import (
	"sync"

	"leafmesh/mesh/internal/wire"
)

// Bounds of what a reader has said and nobody has heard yet. One that keeps to its credits has
// much less: it answers each event once.
const (
	maxHeard      = 8192
	maxHeardBytes = 8 << 20
)

// reader is an importing instance.
type reader struct {
	library       *library
	name, service string

	mu         sync.Mutex
	heard      []any    // guarded by mu: talk messages, and what its sender found out
	heardBytes int      // guarded by mu
	cut        bool     // guarded by mu: it said more than is kept
	out        outgoing // guarded by mu
	pace       pace     // guarded by mu
	forgotten  int      // guarded by mu: how often what was to be sent was dropped
	sending    bool     // guarded by mu: a sender is at work
	limit      int      // guarded by mu: the largest message that it takes

	moved  chan struct{} // the sender may go on
	loaded opened        // its sender's own

	// The library's goroutine's own.
	present bool // it said hello, and has not gone
	nonce   wire.ID
	link    uint64   // the count of its links
	linked  int64    // when it said hello over this link first
	shelves []*shelf // those that it takes from
	given   []parcel // not queued yet
}

// What is heard beside talk messages.
type (
	// greeted: the reader said hello; others are answers to what it does not ask the outbox.
	greeted struct {
		hello  *wire.Hello
		others []wire.WelcomeImport
	}
	// unlinked: the link is down by which the reader said hello.
	unlinked struct {
		nonce wire.ID
		link  uint64
	}
	// departed: the reader cannot be talked to.
	departed struct{}
	// missing: the stream does not have an event any more.
	missing struct {
		shelf    *shelf
		sequence uint64
	}
	// oversize: an event is larger than the reader takes.
	oversize struct {
		shelf    *shelf
		sequence uint64
		bytes    int
	}
)

// keptAs is for whom events are kept that the reader asks for: its service, or itself.
func (r *reader) keptAs(i wire.HelloImport) string {
	if i.Each {
		return r.name
	}
	return r.service
}

// shelf is the one that the reader takes a type from; nil if it takes none.
func (r *reader) shelf(subject string) *shelf {
	for _, s := range r.shelves {
		if s.kind.Subject == subject {
			return s
		}
	}
	return nil
}

// put keeps what was said until it is heard. What is too much is dropped, and with it all that the
// reader has under way, for its answers may be among it: that comes again after its next hello.
func (r *reader) put(said any, bytes int) {
	r.mu.Lock()
	defer r.library.signal()
	defer r.mu.Unlock()
	if bytes > 0 && (len(r.heard) >= maxHeard || r.heardBytes+bytes > maxHeardBytes) {
		if !r.cut {
			r.heard = append(r.heard, departed{})
		}
		r.cut = true
		r.library.stray.Add(1)
		return
	}
	r.heard, r.heardBytes = append(r.heard, said), r.heardBytes+bytes
}

// take is what was said since the last call.
func (r *reader) take() []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.heard
	r.heard, r.heardBytes, r.cut = nil, 0, false
	return all
}

// tell queues a message that is no batch.
func (r *reader) tell(talk any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.say(talk)
	r.sendLocked()
}

// send queues events.
func (r *reader) send(p ...parcel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.events = append(r.out.events, p...)
	r.sendLocked()
}

// sendLocked starts a sender if there is none, or has it look.
func (r *reader) sendLocked() {
	if !r.sending {
		r.sending = true
		r.library.jobs.Go(r.deliver)
		return
	}
	select {
	case r.moved <- struct{}{}:
	default: // it will
	}
}

// got notes that the reader has all batches up to one. It returns, if that was not known, the first
// event of each shelf that still waits for the link.
func (r *reader) got(number uint64, now int64) (unsent []parcel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.pace.got(number, now) || !r.sending {
		return nil
	}
	r.sendLocked()
	return r.out.unsent()
}

// forget drops what is not sent yet, and returns the events of it.
func (r *reader) forget() []parcel {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten++
	r.pace.forget()
	dropped := r.out.forget()
	if r.sending {
		r.sendLocked()
	}
	return dropped
}

func (r *reader) setLimit(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit = bytes
}
