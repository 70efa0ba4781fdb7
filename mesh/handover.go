package mesh

import "sync"

// handover is one event of a durable import on its way through the handlers of
// this node. When the last of them is done with it, it is settled: acked if all
// have handled it. Every other event has none.
type handover struct {
	// taken is when the event came to this node's handlers. Until one of them begins with
	// it, it lies in its outbox as it did before.
	taken int64
	// last says that the event does not come again if it fails now.
	last bool
	// settle is called once, by the goroutine that was done last, with what failed.
	settle func(failures []failure)

	mu       sync.Mutex
	open     int       // guarded by mu: handlers that are not done
	failures []failure // guarded by mu
}

// failure is one handler that did not handle an event.
type failure struct {
	place string // "handler count-solve"
	// excused is no reason to give the event up, however often: it was not even tried,
	// or the outbox did not take what the handler emitted.
	excused bool
	final   bool // trying again would not help
	err     error
}

// fail says that a place did not handle the event.
func (d *handover) fail(f failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failures = append(d.failures, f)
}

// leave says that one handler is done with the event.
func (d *handover) leave() {
	d.mu.Lock()
	d.open--
	settled, failures := d.open == 0, d.failures
	d.mu.Unlock()
	if settled {
		d.settle(failures)
	}
}

// lose counts an event that the place did not try to handle. One of a durable
// import is not lost: it comes again.
func (t *tally) lose(as *counter, d *handover, why error) {
	if d == nil {
		as.Add(1)
		return
	}
	d.fail(failure{place: t.place, excused: true, err: why})
	t.returned.Add(1)
}
