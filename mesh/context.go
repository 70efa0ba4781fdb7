package mesh

import (
	"context"
	"strings"
)

// sourceKey finds the source of events in a context: the *turn of a handler or
// the *nodeContext of a node.
type sourceKey struct{}

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

// sourceOf gives the node that ctx belongs to and, inside a handler, the turn.
func sourceOf(ctx context.Context) (*Node, *turn) {
	switch c := ctx.(type) { // the common cases, without a walk up the chain
	case *turn:
		return c.stage.node, c
	case *nodeContext:
		return c.node, nil
	}
	switch c := ctx.Value(sourceKey{}).(type) {
	case *turn:
		return c.stage.node, c
	case *nodeContext:
		return c.node, nil
	}
	return nil, nil
}

// HeaderOf gives the header of the event that ctx's handler was called for, and
// false outside of a handler and after it returned.
func HeaderOf(ctx context.Context) (Header, bool) {
	if _, t := sourceOf(ctx); t != nil {
		return t.header()
	}
	return Header{}, false
}

// HandlerOf gives the name of the handler that ctx belongs to, and false outside
// of a handler and after it returned.
func HandlerOf(ctx context.Context) (name string, ok bool) {
	if _, t := sourceOf(ctx); t != nil {
		return t.handler()
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
