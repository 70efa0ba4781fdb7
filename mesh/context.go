package mesh

import (
	"context"
	"errors"
	"time"

	"leafmesh/mesh/cause"
)

// Errors of contexts.
var (
	// ErrNoNode: the context belongs to no node. Use [Node.Context] for root events, and the
	// handler's own context in a handler.
	ErrNoNode = errors.New("mesh: the context belongs to no node: use that of Node.Context, or in a handler the handler's own")
	// ErrHandlerReturned: a handler's context was used to emit after the handler had returned.
	ErrHandlerReturned = errors.New("mesh: emit after the handler returned")
)

// sourceKey finds in a context what says where its events come from: the *turn of a handler, or a
// *sourceContext.
type sourceKey struct{}

// source is where the events of a context come from.
type source struct {
	flow *flow // nil: nowhere
	turn *turn // nil outside of handlers
	root bool  // each event begins a cascade, although there is a turn
	// foreign is the node of whose handler the context was before it was given to this one; nil:
	// none.
	foreign *flow
}

// sourceContext is a context with a source.
type sourceContext struct {
	context.Context
	source
}

// Value answers for the source and leaves the rest to the parent.
func (c *sourceContext) Value(key any) any {
	if key == (sourceKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Context returns a context whose events are root events of this node:
//
//	err := clue.Submitted.Emit(node.Context(ctx), clue.Submission{…})
//
// It suits http.Server.BaseContext, so that request handlers need not know the node.
//
// In a handler of this node its events begin cascades, and do not wait for the handler to return;
// see [NewRoot] for roots that do. With the context of another node's handler nothing can be
// emitted: every event is refused with ErrForeignTurn. Its cause would be lost, and a loop through
// the two nodes would have no end.
func (f *flow) Context(parent context.Context) context.Context {
	from := source{flow: f}
	if before := sourceOf(parent); before.foreign != nil {
		from.foreign = before.foreign
	} else if before.turn != nil && before.flow != f {
		from.foreign = before.flow
	}
	return &sourceContext{parent, from}
}

// NewRoot returns a context for work that outlives its cascade, such as a batch whose items are
// each a matter of their own. In a handler, every event emitted with it begins a cascade: its path
// is one step, its budgets and its deadline are fresh, limits by root count it as a root. Its
// Header.Parent is a link to the event being handled. All else is as with the handler's own
// context: the event takes effect when the handler returns nil and is dropped otherwise, waits for
// no queue, and is refused with ErrHandlerReturned after the return.
//
// The cascade guard does not see a loop that goes through NewRoot: each round begins anew, for
// ever. What remains are rate limits, the graph of events, which counts such edges and gives its
// alarms, and [Node.Cut]. A node that closes ends such a loop only when the context of Close does.
//
// A context that belongs to no handler comes back as it is: its events are roots in any case.
func NewRoot(ctx context.Context) context.Context {
	if from := sourceOf(ctx); from.turn != nil {
		from.root = true
		return &sourceContext{ctx, from}
	}
	return ctx
}

// idKey finds in a context the id of [WithID].
type idKey struct{}

// WithID returns a context with which [Event.Emit] emits a root event of a durable export under an
// id of the caller's choice. So one that may be stored already, see [UncertainError], can be
// emitted again: the outbox keeps one event of an id, if the second comes within two minutes.
// [NewID] makes ids. The id has no effect on events of other types, in a handler, where ids follow
// from the event being handled, and in EmitAll.
func WithID(ctx context.Context, id cause.ID) context.Context {
	return context.WithValue(ctx, idKey{}, id)
}

// NewID makes an id that no other event has.
func NewID() cause.ID { return cause.NewID(time.Now().UnixNano()) }

// sourceOf returns the node that ctx belongs to and, inside a handler, the turn.
func sourceOf(ctx context.Context) source {
	if from := sourceIn(ctx); from.flow != nil { // the common cases, without a walk up the chain
		return from
	}
	return sourceIn(ctx.Value(sourceKey{}))
}

func sourceIn(v any) source {
	switch c := v.(type) {
	case *turn:
		return source{flow: c.desk.flow, turn: c}
	case *sourceContext:
		return c.source
	}
	return source{}
}

// HeaderOf returns the header of the event that ctx's handler was called for, and false outside of
// a handler and after it returned.
func HeaderOf(ctx context.Context) (cause.Header, bool) {
	header, _, ok := sourceOf(ctx).turn.present()
	return header, ok
}

// HandlerOf returns the name of the handler that ctx belongs to, and false outside of a handler and
// after it returned.
func HandlerOf(ctx context.Context) (name string, ok bool) {
	_, name, ok = sourceOf(ctx).turn.present()
	return name, ok
}
