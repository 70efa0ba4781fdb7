package mesh

import (
	"cmp"
	"context"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/steps"
)

// handler is a function to be run for each event of a type.
type handler struct {
	name     string
	pattern  string
	settings config.HandlerSettings
	// call calls the function, with what value points to.
	call func(ctx context.Context, value any) error
	// consumer makes the handler's consumer, whose workers process events.
	consumer func(h *handler, process processor) consumer
}

// processor makes what the worker of a queue does. copyOf copies what a pointer to an event's value
// points to, and points to the copy.
type processor func(q *queue.Core[delivery.Item], copyOf func(value any) any) queue.Processor[delivery.Item]

// consumer is a delivery.Consumer of any Go type.
type consumer interface {
	Queues() *queue.Consumer
	Bind(*delivery.Subscription) *delivery.Taker
}

// boundHandler is a handler on a node.
type boundHandler struct {
	pattern  string
	place    steps.Place
	consumer consumer
}

// Name is the handler's name.
func (h *handler) Name() string { return h.name }

// Pattern is the subject of the events that the handler takes, or a pattern.
func (h *handler) Pattern() string { return h.pattern }

// Settings are how the handler is run.
func (h *handler) Settings() config.HandlerSettings { return h.settings }

// overfill is how far emits from inside handlers may fill a queue beyond its capacity, as a factor:
// a cascade inside one burst of root events finds room, and memory stays bounded.
const overfill = 64

// HandlerOption changes how a handler is run: [Workers], [Queue], [ShedWhenFull], [Retry],
// [Breaker], [Emits].
type HandlerOption interface{ apply(*config.HandlerSettings) }

type handlerOption func(*config.HandlerSettings)

func (o handlerOption) apply(s *config.HandlerSettings) { o(s) }

// Workers sets how many goroutines run the handler; default 1, at most 1024. Events are spread by
// key: those of one key stay in order. A type without a key has one.
func Workers(n int) HandlerOption {
	return handlerOption(func(s *config.HandlerSettings) { s.Workers = n })
}

// Queue sets how many events may wait for each worker; default 1024, at most 1048576. Beyond it a
// root event waits or is shed (see [ShedWhenFull]). Events emitted in handlers may overfill the
// queue to 64 times that and are refused past it.
func Queue(capacity int) HandlerOption {
	return handlerOption(func(s *config.HandlerSettings) { s.Queue = capacity })
}

// ShedWhenFull drops a root or imported event when the queue is full, and counts it. Without it the
// event waits for room.
func ShedWhenFull() HandlerOption {
	return handlerOption(func(s *config.HandlerSettings) { s.ShedWhenFull = true })
}

// Retry is the [HandlerOption] that says how often an event is tried and how long the pauses
// between tries are. What is left out has its default.
//
//	clue.Solved.Handle("count", count, mesh.Retry{Tries: 5, FirstPause: 50 * time.Millisecond})
//
// Between two tries later events of the same key wait behind the event, in order, and other keys go
// on; up to 4096 may wait, and past that an event is given up. If more than eight keys of a worker
// fail at once, or the event has no key, or a rule bounds the handler's calls at once, the worker
// waits between the tries and handles no other: then its queue fills up and holds back who emits.
//
// Tries are not charged to the budget of the event's cascade: of all that the
// tries emit, only what the last one emits is.
type Retry struct {
	// Tries is how often an event is tried in all; default 3, at most 10,000. One means no retry.
	Tries int
	// FirstPause comes after the first try. Each later one is twice as long, at most LongestPause,
	// and each is cut at random by up to half. Default 10 ms, or LongestPause if that is shorter.
	FirstPause time.Duration
	// LongestPause bounds the pauses; default 1 s, or FirstPause if that is longer.
	LongestPause time.Duration
}

func (r Retry) apply(s *config.HandlerSettings) {
	standard := config.DefaultHandlerSettings()
	s.Tries = cmp.Or(r.Tries, standard.Tries)
	s.FirstPause = cmp.Or(r.FirstPause, min(standard.FirstPause, cmp.Or(r.LongestPause, standard.LongestPause)))
	s.LongestPause = cmp.Or(r.LongestPause, max(standard.LongestPause, s.FirstPause))
}

// Timeout ends the context of each call of the handler after a time, with a cause that names the
// handler: what the handler does with its context ends then, as a query of a database. A call that
// does not look at its context runs on, and is logged when it takes too long: see
// config.Alarms.Handling. Each try has the whole time. Zero, the default, is no timeout.
func Timeout(d time.Duration) HandlerOption {
	return handlerOption(func(s *config.HandlerSettings) { s.Timeout = d })
}

// Breaker gives the handler a circuit breaker: when so many events in a row were given up, the
// handler is left alone. For the time of probe its events are dropped, and counted as shed by the
// rule "breaker"; then one event is tried, and decides whether the handler is back. Without a
// breaker, which is the default, each event is tried and becomes a dead letter.
func Breaker(failures int, probe time.Duration) HandlerOption {
	return handlerOption(func(s *config.HandlerSettings) { s.Failures, s.Probe = failures, probe })
}

// Emits declares which event types the handler may emit. With it [Open] finds a cycle among the
// node's handlers before the first event does: a cycle in which no type has an allowance
// ([AllowLoop]) is an error there, unless the configuration allows loops in all cascades. The
// node's [Node.Graph] has what is declared from the start.
//
// A declaration is no rule of the gate. If the handler emits another type nevertheless, that works,
// is learned like any emit and is logged once: the cascade guard bounds what comes of it, and a
// line forgotten here should not lose events.
func Emits(events ...EventType) HandlerOption {
	return handlerOption(func(s *config.HandlerSettings) {
		for _, e := range events {
			s.Emits = append(s.Emits, config.Emission{Subject: e.Subject(), Loops: e.allowance()})
		}
	})
}

// Handle makes a handler of this type. The name identifies it in counters and dead letters, and
// must be unique on the node; it has at most 256 bytes.
//
// handle is called for each event of the type's subject that this node emits or imports, whatever
// Go type the emitter declared for it: between two Go types the value goes by way of CBOR and its
// integer keys. It is called by one goroutine for each worker. If it returns an error or panics it
// is tried again, and at last the event becomes a dead letter. Its context is valid until it
// returns; a goroutine that it starts must have ended by then.
func (e *Event[T]) Handle(name string, handle func(context.Context, T) error, options ...HandlerOption) config.Handler {
	return newHandler(name, e.subject, handle, delivery.Decoder[T](), options)
}

// HandleAll makes a handler of every event whose subject matches a pattern: "clue.*.judged",
// "clue.>", ">". The pattern is matched when a type is first seen, not for each event.
func HandleAll(pattern, name string, handle func(context.Context, Any) error, options ...HandlerOption) config.Handler {
	from := func(c *delivery.Content) (Any, error) { return Any{c}, nil }
	return newHandler(name, pattern, handle, from, options)
}

func newHandler[T any](name, pattern string, handle func(context.Context, T) error,
	from func(*delivery.Content) (T, error), options []HandlerOption) config.Handler {
	return makeHandler(name, pattern, options,
		func(ctx context.Context, value any) error { return handle(ctx, *value.(*T)) },
		func(h *handler, process processor) consumer {
			return newConsumer(steps.AtHandler(name), true, false, &h.settings, from, process)
		})
}

func makeHandler(name, pattern string, options []HandlerOption, call func(context.Context, any) error,
	consumer func(*handler, processor) consumer) *handler {
	h := &handler{name: name, pattern: pattern, settings: config.DefaultHandlerSettings(), call: call, consumer: consumer}
	for _, option := range options {
		option.apply(&h.settings)
	}
	return h
}

// newConsumer makes the consumer of a place.
func newConsumer[T any](place steps.Place, isHandler, cutLate bool, s *config.HandlerSettings,
	from func(*delivery.Content) (T, error), process processor) *delivery.Consumer[T] {
	return delivery.NewConsumer(delivery.Spec[T]{
		Kind:  delivery.Kind{IsHandler: isHandler, Sheds: s.ShedWhenFull, CutLate: cutLate},
		Label: place.String(), Workers: s.Workers, Capacity: s.Queue, HardCap: s.Queue * overfill, From: from,
		Processor: func(q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] { return process(q, copyOf[T]) },
	})
}

func copyOf[T any](value any) any {
	c := *value.(*T)
	return &c
}
