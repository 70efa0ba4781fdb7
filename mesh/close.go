package mesh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/leaf"
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
// When ctx ends first, Close no longer waits for handlers: their context ends, what is still queued
// is counted as lost under "closed", and the error says so. A handler that ignores its context is
// named in the error; its goroutine can not be ended. Close may be called more than once; later
// calls return the first one's result, or wait for it until their own ctx ends. A handler must not
// close its own node: Close waits for it.
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
	n.life.endOpen()
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("mesh: close node %s: %w", n.name, err))
		}
	}
	note(n.inlets.Stop(ctx))
	note(n.desk.StopEmits(ctx))
	n.life.endIntake()
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	n.inlets.Await(soon)
	cancel()
	n.watching.Wait()
	n.gate.KeepNothing()
	note(n.finish(ctx))
	n.inlets.AwaitTending()
	if ctx.Err() != nil { // the rest takes milliseconds: it is not left half done
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
		defer cancel()
	}
	note(n.kept.Close(ctx))
	note(n.storage.Close())
	note(leaf.Flush(ctx, n.out))
	note(leaf.Flush(ctx, n.in))
	note(n.stopServer(ctx))
	n.clock.Close()
	return errors.Join(errs...)
}

// closeGrace is how long handlers have to return once their context has ended.
const closeGrace = 2 * time.Second

// finish waits until all queues and rules' lines are empty, and ends the workers.
func (f *flow) finish(ctx context.Context) error {
	defer f.life.endHandling()
	return f.workers.Finish(ctx, closeGrace, func() {
		f.life.endHandling()
		f.gate.LetGo() // to be counted where it goes
		f.rests.LetGo()
	})
}

// stopServer closes the connections and the embedded server.
func (n *Node) stopServer(ctx context.Context) error {
	for _, conn := range []*nats.Conn{n.out, n.in} {
		if conn != nil {
			conn.Close()
		}
	}
	return errors.Join(n.desk.Close(ctx), n.leaf.Stop(ctx))
}

// abort undoes a start that failed half-way. The error of the start is the one to report.
func (n *Node) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_ = n.Close(ctx)
}
