package mesh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/stats"
)

// closer is how far Close is.
type closer struct {
	begun chan struct{} // has room for the one call that closes
	done  chan struct{} // closed when that is done
	err   error         // what it returns, once done
}

// Close ends the node in the order that loses nothing: no more root and imported events are taken;
// the handlers finish what is queued and what that causes; exports are flushed to the links; links
// and server stop. It returns when every goroutine of the node has ended.
//
// What came out of outboxes and no handler has begun goes back there, to be handled by another
// instance, or by this one when it is opened again. Close waits, half a second at most, until the
// exporters have heard what became of the rest: else others might handle it again.
//
// When ctx ends first, Close no longer waits for handlers: their context ends, what is still queued
// is counted as lost under "closed", and the error says so. A durable event goes back then, too,
// and is not lost. A handler that ignores its context is named in the error; its goroutine cannot
// be ended. Close may be called more than once; later calls return the first one's result, or wait
// for it until their own ctx ends. A handler must not close its own node: Close waits for it.
func (n *Node) Close(ctx context.Context) error {
	c := &n.closer
	select {
	case c.begun <- struct{}{}:
		c.err = n.close(ctx)
		close(c.done)
		return c.err
	default:
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("mesh: close node %s: another call is still closing it: %w", n.name, clock.EndOf(ctx))
	}
}

// Quiesce makes the node take no more root events: Emit returns ErrClosed. All else goes on. Close
// does it too; several nodes that end together first quiesce all, so that what one still exports
// finds the next one open.
func (n *Node) Quiesce() { n.life.closing.Store(true) }

func (n *Node) close(ctx context.Context) error {
	n.Quiesce()
	n.changes.Close()
	n.life.endOpen()
	n.kept.Goodbye()
	n.peers.Readers.Goodbye()
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("mesh: close node %s: %w", n.name, err))
		}
	}
	note(n.peers.Inlets.Stop(ctx))
	note(n.desk.StopEmits(ctx))
	n.life.endIntake()
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	n.peers.Inlets.Await(soon)
	n.watching.Wait()
	note(n.checks.Await(soon))
	cancel()
	n.gate.KeepNothing()
	note(n.finish(ctx))
	n.peers.Inlets.AwaitTending()
	soon, cancel = context.WithTimeout(ctx, answersGrace)
	n.kept.AwaitAnswers(soon)
	cancel()
	if ctx.Err() != nil { // the rest takes milliseconds: it is not left half done
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
		defer cancel()
	}
	note(n.kept.Close(ctx))
	note(n.memory.Close())
	n.neighbours.Close()
	note(n.storage.Close())
	for _, l := range n.peers.Lines() {
		note(l.Flush(ctx))
	}
	note(n.stopServer(ctx))
	n.clock.Close()
	note(n.log.Close())
	return errors.Join(errs...)
}

// closeGrace is how long handlers have to return once their context has ended.
const closeGrace = 2 * time.Second

// answersGrace is how long the readers of the outbox have to say what became of what they have.
const answersGrace = 500 * time.Millisecond

// finish waits until all queues and rules' lines are empty, and ends the workers. That it was cut
// short is no error if it only sent events back to the outboxes that they came from.
func (f *flow) finish(ctx context.Context) error {
	defer f.life.endHandling()
	var lostBefore, returnedBefore uint64
	cutShort, left := f.workers.Finish(ctx, closeGrace, func() {
		lostBefore, returnedBefore = f.missed()
		f.life.endHandling()
		f.gate.LetGo() // to be counted where it goes
		f.rests.LetGo()
	})
	if lost, returned := f.missed(); left == nil && lost == lostBefore && returned > returnedBefore {
		return nil
	}
	return errors.Join(cutShort, left)
}

// missed counts the events so far that did not do what they were emitted for, and those that went
// back to be handled elsewhere.
func (f *flow) missed() (lost, returned uint64) {
	for _, c := range f.trace.Counts() {
		switch {
		case c.Outcome.IsLoss():
			lost += c.Count
		case c.Outcome == stats.Returned:
			returned += c.Count
		}
	}
	return lost, returned
}

// stopServer closes the connections and the embedded server.
func (n *Node) stopServer(ctx context.Context) error {
	for _, l := range n.peers.Lines() {
		l.Close()
	}
	if n.store != nil {
		n.store.Close()
	}
	return errors.Join(n.desk.Close(ctx), n.leaf.Stop(ctx))
}

// abort undoes a start that failed half-way. The error of the start is the one to report.
func (n *Node) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_ = n.Close(ctx)
}
