package mesh

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/readers"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// eventType is one subject on one node: its rules, its counters and who takes its events. It is
// made once, when the node opens or when the first event of the subject comes; then only its rules
// and its export may be replaced.
type eventType struct {
	*steps.Type
	flow     *flow
	step     string // "clue-1:clue.answer.judged"
	root     *cause.Path
	export   *config.Export // guarded by the table's mu; nil: it stays here
	durable  bool           // the export goes by way of the outbox
	handlers delivery.Targets
	inbound  delivery.Targets // who takes imported events: the handlers and the tap

	rules atomic.Pointer[rules.Set]
	// outOfBounds counts what the cascade guard refused on emit, by its bounds.
	outOfBounds [gate.BoundCount]*steps.Point

	places map[steps.Place]*delivery.Subscription // guarded by the table's mu: who takes events of the type
}

// routes is a node's table of what it knows, replaced as a whole when a type is added, so that an
// event finds its route without a lock.
type routes struct {
	types  map[string]*eventType
	routes []any // *typedRoute[T] or *foreign, by Event[T].index
}

// atEmit is the place where events are emitted.
var atEmit = steps.At(steps.Emit)

// table is the node's routes, and what makes them.
type table struct {
	atomic.Pointer[routes]
	handlers []boundHandler  // in their order; never changes
	patterns config.Patterns // those of handlers

	mu      sync.Mutex                  // held while routes are added, and while rules are replaced
	encoded map[string]*typedRoute[Any] // guarded by mu: for events that come encoded, by subject
}

// handlersOf are those that take a type's events, in their order.
func (t *table) handlersOf(subject string) (handlers []boundHandler) {
	for _, i := range slices.Sorted(t.patterns.Overlapping(subject)) {
		handlers = append(handlers, t.handlers[i])
	}
	return handlers
}

// route is an event type together with the Go type it is emitted as, without that type.
type route struct {
	*eventType
	targets  *delivery.Targets
	exported bool // events leave the node: they are encoded by Emit
	wired    bool // events may be encoded: the key must suit the wire
	outlets  outlets
}

// typedRoute is a route with its Go type.
type typedRoute[T any] struct {
	route
	typed delivery.TargetsOf[T]
	pool  sync.Pool // of *pending[T]

	// Of a type that is exported at most once:
	audience *readers.Audience
	exit     *delivery.Taker
	sure     *wire.Sure[T]
}

// routeOf returns the event's route on the node. After the first event of the type it costs an
// atomic load and an index.
func routeOf[T any](f *flow, e *Event[T]) (*typedRoute[T], error) {
	known := f.table.Load().routes
	if e.index < len(known) {
		switch r := known[e.index].(type) {
		case *typedRoute[T]:
			return r, nil
		case *foreign:
			return nil, r.refuse()
		}
	}
	return makeRoute(f, e)
}

// foreign stands for the route of an event type that the node may not emit, as another service owns
// it. So whose a type is costs an emit nothing.
type foreign struct {
	point *steps.Point
	err   error
}

// refuse counts an event that is refused, and gives the error.
func (r *foreign) refuse() error {
	r.point.PassUnknown(1, r.err)
	return r.err
}

// foreignTo reports why the node may not emit a type; nil if it may. Each type has one service that
// emits it, so that whoever handles it knows whom to believe and where to look.
func (f *flow) foreignTo(subject string, place steps.Place) error {
	owner, own := config.OwnerOf(subject), config.ServiceOf(f.name)
	if owner == own {
		return nil
	}
	return steps.Refuse(subject, place, stats.NotOwner, fmt.Errorf("%w: service %s owns it, and node %s is of service %s", stats.ErrNotOwner, owner, f.name, own))
}

func makeRoute[T any](f *flow, e *Event[T]) (*typedRoute[T], error) {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	if known := f.table.Load().routes; e.index < len(known) && known[e.index] != nil {
		if r, ok := known[e.index].(*typedRoute[T]); ok {
			return r, nil
		}
		return nil, known[e.index].(*foreign).refuse()
	}
	if err := f.foreignTo(e.subject, atEmit); err != nil && !e.runtime {
		r := &foreign{point: f.trace.Point(steps.Step{Type: e.subject, Outcome: stats.Refused, Place: atEmit, Rule: stats.NotOwner}), err: err}
		f.table.addLocked(e.index, r)
		return nil, r.refuse()
	}
	t, err := f.openTypeLocked(e.subject)
	if err != nil {
		return nil, err
	}
	r := newRouteLocked[T](t, outlets{})
	f.table.addLocked(e.index, r)
	return r, nil
}

// openTypeLocked is typeLocked, unless the node has ended.
func (f *flow) openTypeLocked(subject string) (*eventType, error) {
	if f.workers.Sealed() {
		return nil, stats.ErrClosed
	}
	return f.typeLocked(subject)
}

// addLocked puts a route into the table.
func (t *table) addLocked(index int, route any) {
	fresh := *t.Load()
	fresh.routes = make([]any, max(len(fresh.routes), index+1))
	copy(fresh.routes, t.Load().routes)
	fresh.routes[index] = route
	t.Store(&fresh)
}

// newRouteLocked binds an event type to the Go type it is emitted as, with outlets that were made
// before.
func newRouteLocked[T any](t *eventType, made outlets) *typedRoute[T] {
	takers, c, exported := slices.Clone(t.handlers.Takers), &t.flow.config, t.export != nil
	leaves := exported && !t.durable
	switch {
	case leaves:
		kind := outletKind{exported: true, sheds: t.export.Limit.Policy == config.Shed}
		takers = append(takers, made.of(kind, func() *delivery.Taker { return newOutletLocked(t, kind, delivery.PayloadOf) }))
	case exported && c.Tap != nil:
		takers = append(takers, newOutletLocked(t, outletKind{}, delivery.PayloadOf)) // encoded by Emit
	case c.Tap != nil:
		takers = append(takers, made.of(outletKind{}, func() *delivery.Taker { return newOutletLocked(t, outletKind{}, delivery.Decoder[T]()) }))
	}
	r := &typedRoute[T]{typed: delivery.NewTargetsOf[T](takers, c.CodecCheck, contentOf(c.CodecCheck))}
	r.route = route{eventType: t, targets: &r.typed.Targets, exported: exported, wired: exported || c.Tap != nil || c.CodecCheck, outlets: made}
	if leaves {
		r.audience, r.exit, r.sure = t.flow.ports.Readers.Audience(t.Subject), takers[len(takers)-1], wire.SureOf[T]()
	}
	return r
}

// encodedRoute returns the route of events that come encoded, for a subject of the node's service
// that it handles, exports, limits or has emitted.
func (f *flow) encodedRoute(subject string) (*typedRoute[Any], error) {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	if f.workers.Sealed() {
		return nil, stats.ErrClosed
	}
	if r := f.table.encoded[subject]; r != nil {
		return r, nil
	}
	t := f.table.Load().types[subject]
	if t == nil {
		return nil, fmt.Errorf("%w: node %s knows no %s", errUnknownType, f.name, subject)
	}
	r := newRouteLocked[Any](t, outlets{})
	f.table.encoded[subject] = r
	return r, nil
}

var errUnknownType = errors.New("unknown event type")

// unknownType is what counters have for the types that a node does not know, so that nobody can
// make counters up.
const unknownType = "(other)"

// maxTypes bounds what a program costs that makes event types while it runs: each one has counters
// and a place in the table, for as long as the node lives.
const maxTypes = 4096

// typeOf returns the subject's event type, or an error if the node knows too many.
func (f *flow) typeOf(subject string) (*eventType, error) {
	if t := f.table.Load().types[subject]; t != nil {
		return t, nil
	}
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	return f.typeLocked(subject)
}

func (f *flow) typeLocked(subject string) (*eventType, error) {
	if t := f.table.Load().types[subject]; t != nil {
		return t, nil
	}
	err := f.addTypesLocked([]string{subject})
	return f.table.Load().types[subject], err
}

// addTypesLocked adds the types that are not known yet, all together: the table is copied once, and
// not for those that are too many, or a program that makes ever more would cost all others time.
func (f *flow) addTypesLocked(subjects []string) error {
	known := f.table.Load()
	fresh := *known
	for _, subject := range subjects {
		if fresh.types[subject] != nil {
			continue
		}
		if len(fresh.types) >= maxTypes {
			err := steps.Refuse(subject, atEmit, stats.TooManyTypes, nil)
			f.trace.Point(steps.Step{Type: unknownType, Outcome: stats.Refused, Place: atEmit, Rule: stats.TooManyTypes}).PassUnknown(1, err)
			return err
		}
		if len(fresh.types) == len(known.types) {
			fresh.types = maps.Clone(known.types)
		}
		fresh.types[subject] = f.newTypeLocked(subject)
	}
	f.table.Store(&fresh)
	return nil
}

// mayComeIn reports whether a type is one that is imported, or may be some day.
func (f *flow) mayComeIn(subject string) bool {
	owner := config.OwnerOf(subject)
	return owner != config.ServiceOf(f.name) && owner != config.OwnerOf(alarmSubject)
}

func (f *flow) newTypeLocked(subject string) *eventType {
	t := &eventType{Type: f.trace.Type(subject), flow: f, step: f.name + ":" + subject,
		export: f.present.Load().Export(subject), places: map[steps.Place]*delivery.Subscription{}}
	t.root, t.durable = f.paths.Root(t.step), t.export.IsDurable()
	for b := gate.DepthBound; b < gate.BoundCount; b++ {
		t.outOfBounds[b] = f.trace.Point(steps.Step{Type: subject, Outcome: stats.Refused, Place: atEmit, Rule: b.String()})
	}
	var takers []*delivery.Taker
	for _, h := range f.table.handlersOf(subject) {
		takers = append(takers, h.consumer.Bind(t.subscriptionLocked(h.place)))
	}
	t.handlers = delivery.NewTargets(takers)
	if f.config.Tap != nil && f.mayComeIn(subject) {
		takers = append(slices.Clip(takers), newOutletLocked(t, outletKind{}, delivery.Decoder[Any]()))
	}
	t.inbound = delivery.NewTargets(takers)
	t.putRulesInForceLocked()
	return t
}

// putRulesInForceLocked gives the type and its handlers the gate's rules. None is for alarms at
// handlers: operations are outside of all limits.
func (t *eventType) putRulesInForceLocked() {
	t.rules.Store(t.flow.gate.Set(t.Subject, t.export != nil, t.rules.Load()))
	if t.Subject == alarmSubject {
		return
	}
	for _, h := range t.flow.table.handlersOf(t.Subject) {
		s, mixed := t.subscriptionLocked(h.place), h.pattern != t.Subject
		s.Rules.Store(t.flow.gate.HandlerSet(t.Subject, h.place, mixed, s.Rules.Load()))
	}
}

// subscriptionLocked finds or makes the type's subscription of a place, which all consumers there
// share.
func (t *eventType) subscriptionLocked(place steps.Place) *delivery.Subscription {
	s := t.places[place]
	if s == nil {
		s = delivery.NewSubscription(t.flow.trace.Tally(t.Subject, place))
		t.places[place] = s
	}
	return s
}
