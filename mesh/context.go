package mesh

import (
	"context"
	"strings"
)

// sourceKey finds in a context what says where its events come from: the *turn
// of a handler, a *rootContext in one, or the *nodeContext of a node.
type sourceKey struct{}

// source is where the events of a context come from.
type source struct {
	node *Node // nil: nowhere
	turn *turn // nil outside of handlers
	root bool  // each event begins a cascade, although there is a turn
}

type nodeContext struct {
	context.Context
	node *Node
}

// Value answers for the node and leaves the rest to the parent.
func (c *nodeContext) Value(key any) any {
	if key == (sourceKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Context gives a context whose events are root events of this node:
//
//	err := clue.Submitted.Emit(node.Context(ctx), clue.Submission{…})
//
// It suits http.Server.BaseContext, so that request handlers need not know the
// node.
func (n *Node) Context(parent context.Context) context.Context {
	return &nodeContext{Context: parent, node: n}
}

// rootContext is a handler's context whose events begin cascades.
type rootContext struct {
	context.Context
	turn *turn
}

// Value answers for the source and leaves the rest to the parent.
func (c *rootContext) Value(key any) any {
	if key == (sourceKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// NewRoot gives a context for work that outlives its cascade, such as a batch
// whose items are each a matter of their own. In a handler, every event emitted
// with it begins a cascade: its path is one step, its budgets and its deadline
// are fresh, limits by root count it as a root. Its [Header.Parent] is a link to
// the event being handled. All else is as with the handler's own context: the
// event takes effect when the handler returns nil and is dropped otherwise,
// waits for no queue, and is refused with ErrHandlerReturned after the return.
//
// The cascade guard does not see a loop that goes through NewRoot: each round
// begins anew, for ever. What remains are rate limits, the graph of events,
// which counts such edges and gives its alarms, and [Node.Cut]. A node that
// closes ends such a loop only when the context of Close does.
//
// A context that belongs to no handler comes back as it is: its events are
// roots in any case.
func NewRoot(ctx context.Context) context.Context {
	if from := sourceOf(ctx); from.turn != nil {
		return &rootContext{Context: ctx, turn: from.turn}
	}
	return ctx
}

// sourceOf gives the node that ctx belongs to and, inside a handler, the turn.
func sourceOf(ctx context.Context) source {
	switch c := ctx.(type) { // the common cases, without a walk up the chain
	case *turn:
		return source{node: c.stage.node, turn: c}
	case *nodeContext:
		return source{node: c.node}
	}
	switch c := ctx.Value(sourceKey{}).(type) {
	case *turn:
		return source{node: c.stage.node, turn: c}
	case *rootContext:
		return source{node: c.turn.stage.node, turn: c.turn, root: true}
	case *nodeContext:
		return source{node: c.node}
	}
	return source{}
}

// HeaderOf gives the header of the event that ctx's handler was called for, and
// false outside of a handler and after it returned.
func HeaderOf(ctx context.Context) (Header, bool) {
	if from := sourceOf(ctx); from.turn != nil {
		return from.turn.header()
	}
	return Header{}, false
}

// HandlerOf gives the name of the handler that ctx belongs to, and false outside
// of a handler and after it returned.
func HandlerOf(ctx context.Context) (name string, ok bool) {
	if from := sourceOf(ctx); from.turn != nil {
		return from.turn.handler()
	}
	return "", false
}

// handler is the name of the handler that runs, as long as it runs.
func (t *turn) handler() (name string, ok bool) {
	s := t.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.presentLocked(t) {
		return "", false
	}
	return strings.TrimPrefix(s.source.place, "handler "), true
}
