package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Close ends the node in the order that loses nothing: no more root and
// imported events are taken; the handlers finish what is queued and what that
// causes; exports are flushed to the links; links and server stop. It returns
// when every goroutine of the node has ended.
//
// When ctx ends first, Close no longer waits for handlers: their context ends,
// what is still queued is counted as lost under "closed", and the error says
// so. A handler that ignores its context is named in the error; its goroutine
// can not be ended. Close may be called more than once; later calls return the
// first one's result, or wait for it until their own ctx ends. A handler must not
// close its own node: Close waits for it.
func (n *Node) Close(ctx context.Context) error {
	if n.closeBegun.CompareAndSwap(false, true) {
		n.closeErr = n.close(ctx)
		close(n.closed)
		return n.closeErr
	}
	select {
	case <-n.closed:
		return n.closeErr
	case <-ctx.Done():
		return fmt.Errorf("mesh: close node %s: another call is still closing it: %w", n.name, endOf(ctx))
	}
}

func (n *Node) close(ctx context.Context) error {
	n.closing.Store(true)
	n.endOpen()
	var errs []error
	for _, i := range n.imports {
		errs = append(errs, i.stop(ctx))
	}
	if t := n.tap.Load(); t != nil {
		errs = append(errs, t.stop(ctx))
	}
	n.endIntake()
	n.awaitImports(ctx)
	n.durableRuns.Wait() // soon: they wait for nothing but the intake
	n.watching.Wait()
	n.closeCoalescers()
	errs = append(errs, n.finishHandlers(ctx))
	if ctx.Err() != nil { // the rest takes milliseconds: it is not left half done
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
		defer cancel()
	}
	errs = append(errs, n.closeStorage(ctx), n.flush(ctx, n.out), n.flush(ctx, n.in), n.stopServer(ctx))
	return errors.Join(errs...)
}

// finishHandlers waits until all queues are empty and ends their workers.
func (n *Node) finishHandlers(ctx context.Context) error {
	defer n.endHandling()
	if n.awaitIdle(ctx) == nil && n.closeQueues(ctx) == nil {
		return n.awaitWorkers(ctx)
	}
	var waiting int64
	for _, r := range n.receivers() {
		waiting += r.depth()
	}
	n.endHandling()
	err := fmt.Errorf("mesh: close node %s: %d events were still queued or being handled: %w",
		n.name, waiting, endOf(ctx))
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	if n.closeQueues(grace) != nil {
		defer n.abandonQueues()
		return errors.Join(err, n.stuck())
	}
	return errors.Join(err, n.awaitWorkers(grace))
}

// closeGrace is how long handlers have to return once their context has ended.
const closeGrace = 2 * time.Second

// awaitIdle waits until no event is queued or being handled. A handler puts
// what it emits into queues before its own event leaves its queue, so the
// queues are idle if two looks find all empty and nothing put in between.
func (n *Node) awaitIdle(ctx context.Context) error {
	var before uint64
	for first := true; ; first = false {
		depth, accepted := n.load()
		if depth == 0 && !first && accepted == before {
			return nil
		}
		before = accepted
		if depth == 0 {
			continue
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (n *Node) load() (depth int64, accepted uint64) {
	for _, r := range n.receivers() {
		depth += r.depth()
		accepted += r.accepted()
	}
	return depth, accepted
}

// closeQueues closes every queue once it is idle, and seals the node: no
// queue can be added from then on.
func (n *Node) closeQueues(ctx context.Context) error {
	for closed := 0; ; {
		receivers := n.receivers()
		for _, r := range receivers[closed:] {
			for !r.tryClose() {
				if err := pause(ctx); err != nil {
					return err
				}
			}
		}
		if closed = len(receivers); n.seal(closed) {
			return nil
		}
	}
}

// seal reports whether the node has no more than the given consumers, and
// keeps it so.
func (n *Node) seal(count int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sealed = len(n.running) == count
	return n.sealed
}

// abandonQueues lets all workers end but those of stuck handlers, which end
// when the handler returns.
func (n *Node) abandonQueues() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sealed = true
	for _, r := range n.running {
		r.abandon()
	}
}

// awaitWorkers waits for the workers of closed queues, which have nothing to do
// any more: not for long, and also when ctx has ended.
func (n *Node) awaitWorkers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	for _, r := range n.workers() {
		select {
		case <-r.finished():
		case <-ctx.Done():
			return n.stuck()
		}
	}
	return nil
}

// workers are the consumers that run: none if the start failed before.
func (n *Node) workers() []receiver {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.started {
		return nil
	}
	return slices.Clone(n.running)
}

func (n *Node) stuck() error {
	var names []string
	for _, r := range n.receivers() {
		if r.depth() > 0 {
			names = append(names, r.label())
		}
	}
	return fmt.Errorf("mesh: close node %s: still running after their context ended: %s", n.name, strings.Join(names, ", "))
}

// pause waits a moment between looks at the queues.
func pause(ctx context.Context) error {
	timer := time.NewTimer(time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return endOf(ctx)
	}
}

// stopServer closes the connections and the embedded server.
func (n *Node) stopServer(ctx context.Context) error {
	if t := n.tap.Load(); t != nil {
		t.conn.Close()
	}
	if n.out != nil {
		n.out.Close()
	}
	if n.in != nil {
		n.in.Close()
	}
	var opsErr error
	if n.ops != nil { // last, so that a node that does not end can be asked why
		opsErr = n.ops.stop(ctx)
	}
	if err := n.leaf.Stop(ctx); err != nil {
		return errors.Join(opsErr, fmt.Errorf("mesh: close node %s: %w", n.name, err))
	}
	return opsErr
}

// abort undoes a start that failed half-way. The error of the start is the one
// to report.
func (n *Node) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	_ = n.Close(ctx)
}

// closeCoalescers lets go what rules have kept. From then on they keep nothing.
func (n *Node) closeCoalescers() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keepsNothing = true
	for _, l := range n.coalescing {
		l.coalescer.close()
	}
}

// awaitImports waits until each import has looked at what the client still had:
// once the intake has ended that is counted as lost, and takes no time.
func (n *Node) awaitImports(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	for _, i := range n.imports {
		if i.drained != nil {
			select {
			case <-i.drained:
			case <-ctx.Done():
			}
		}
	}
}
