package mesh

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/wire"
)

// handler is a function to be run for each event of a type.
type handler struct {
	name    string
	pattern string
	options handlerOptions
	// receiver makes the handler's consumer on a node.
	receiver func(n *Node) receiver
}

// Name is the handler's name.
func (h *handler) Name() string { return h.name }

// Pattern is the subject of the events that the handler takes, or a pattern.
func (h *handler) Pattern() string { return h.pattern }

// handlerOptions are the settings of one handler.
type handlerOptions struct {
	workers  int
	capacity int
	full     Policy
	tries    int
	backoff  backoff
	failures int // in a row until the breaker trips; 0: no breaker
	probe    time.Duration
	emits    []EventType // declared; none: nothing is
}

// overfill is how far emits from inside handlers may fill a queue beyond its
// capacity, as a factor: a cascade inside one burst of root events finds room,
// and memory stays bounded.
const overfill = 64

// maxQueue bounds the capacity of a queue.
const maxQueue = 1 << 20

func defaultHandlerOptions() handlerOptions {
	return handlerOptions{workers: 1, capacity: 1024, full: Wait, tries: 3,
		backoff: backoff{first: 10 * time.Millisecond, max: time.Second}}
}

// HandlerOption changes how a handler is run.
type HandlerOption func(*handlerOptions)

// Workers sets how many goroutines run the handler; default 1, at most 1024.
// Events are spread by key: those of one key stay in order. A type without a
// key has one.
func Workers(n int) HandlerOption { return func(o *handlerOptions) { o.workers = n } }

// Queue sets how many events may wait for each worker; default 1024, at most
// 1048576. Beyond
// it a root event waits or is shed (see [WhenFull]). Events emitted in handlers
// may overfill the queue to 64 times that and are refused past it.
func Queue(capacity int) HandlerOption { return func(o *handlerOptions) { o.capacity = capacity } }

// WhenFull sets what happens to a root or imported event when the queue is
// full: [Wait], the default, or [Shed].
func WhenFull(p Policy) HandlerOption { return func(o *handlerOptions) { o.full = p } }

// Retry sets how often an event is tried in all, default 3, and how long to
// wait between tries: first (default 10 ms), then twice as long each time, at
// most max (default 1 s), each time cut at random by up to half. While an event
// is tried again the worker handles no other: order within a key is kept, and
// keys of the same worker wait. One try means no retry.
func Retry(tries int, first, max time.Duration) HandlerOption {
	return func(o *handlerOptions) { o.tries, o.backoff = tries, backoff{first: first, max: max} }
}

// Breaker gives the handler a circuit breaker: when so many events in a row were
// given up, the handler is left alone. For the time of probe its events are
// dropped, and counted as shed by the rule "breaker"; then one event is tried,
// and decides whether the handler is back. Without a breaker, which is the
// default, each event is tried and becomes a dead letter.
func Breaker(failures int, probe time.Duration) HandlerOption {
	return func(o *handlerOptions) { o.failures, o.probe = failures, probe }
}

// Handle makes a handler of this type. The name identifies it in counters and
// dead letters, and must be unique on the node; it has at most 256 bytes.
//
// handle is called for each event of the type's subject that this node emits
// or imports, whatever Go type the emitter declared for it: between two Go
// types the value goes by way of CBOR and its integer keys. It is called by one
// goroutine for each worker. If it returns an error or panics it is tried
// again, and at last the event becomes a dead letter. Its context is valid
// until it returns; a goroutine that it starts must have ended by then.
func (e *Event[T]) Handle(name string, handle func(context.Context, T) error, options ...HandlerOption) Handler {
	return newHandler(name, e.subject, handle, decoder[T](), options)
}

// HandleAll makes a handler of every event whose subject matches a pattern:
// "clue.*.judged", "clue.>", ">". The pattern is matched when a type is first
// seen, not for each event.
func HandleAll(pattern, name string, handle func(context.Context, Any) error, options ...HandlerOption) Handler {
	from := func(c *content) (Any, error) { return Any{c}, nil }
	return newHandler(name, pattern, handle, from, options)
}

func newHandler[T any](name, pattern string, handle func(context.Context, T) error,
	from func(*content) (T, error), options []HandlerOption) Handler {
	h := &handler{name: name, pattern: pattern, options: defaultHandlerOptions()}
	for _, option := range options {
		option(&h.options)
	}
	h.receiver = func(n *Node) receiver {
		c := newConsumer("handler "+name, h.options, from)
		c.handler = true
		breaker := newBreaker(name, h.options)
		c.newWorker = func(q *queue[T]) func(*item[T]) bool {
			w := &handlerWorker[T]{node: n, queue: q, name: name, handle: handle, options: h.options, stage: newStage(n), breaker: breaker}
			return w.process
		}
		return c
	}
	return h
}

func newConsumer[T any](place string, o handlerOptions, from func(*content) (T, error)) *consumer[T] {
	c := &consumer[T]{place: place, shed: o.full == Shed, from: from}
	for range o.workers {
		c.shards = append(c.shards, newQueue[T](o.capacity, o.capacity*overfill))
	}
	return c
}

// maxTargets is how many consumers one event type can have on a node: the
// handlers, an export and the tap.
const maxTargets = 64

// checkHandlers reports every handler that could not run as it says.
func checkHandlers(handlers []Handler) error {
	var errs []error
	names := map[string]bool{}
	for i, given := range handlers {
		h, ours := given.(*handler)
		if !ours {
			errs = append(errs, &config.FieldError{Field: fmt.Sprintf("handlers[%d]", i), Problem: fmt.Sprintf("a %T is no handler of package mesh", given),
				Remedy: "make handlers with Event.Handle or HandleAll"})
			continue
		}
		if err := h.check(); err != nil {
			errs = append(errs, &config.FieldError{Field: fmt.Sprintf("handlers[%d]", i), Problem: err.Error(),
				Remedy: "make handlers with Event.Handle or HandleAll"})
			continue
		}
		if names[h.name] {
			errs = append(errs, &config.FieldError{Field: fmt.Sprintf("handlers[%d]", i),
				Problem: fmt.Sprintf("a second handler is named %q", h.name), Remedy: "give each handler a name of its own"})
		}
		names[h.name] = true
		if n := rivals(h, handlers); n > maxTargets-2 {
			errs = append(errs, &config.FieldError{Field: fmt.Sprintf("handlers[%d]", i),
				Problem: fmt.Sprintf("%d handlers take events of %s", n, h.pattern),
				Remedy:  fmt.Sprintf("let one handler do the work of several: at most %d can take one type", maxTargets-2)})
		}
	}
	return errors.Join(errs...)
}

// rivals counts the handlers that may take an event that h takes.
func rivals(h *handler, handlers []Handler) (n int) {
	for _, other := range handlers {
		if config.Overlap(h.pattern, other.Pattern()) {
			n++
		}
	}
	return n
}

func (h *handler) check() error {
	o := h.options
	switch {
	case h.receiver == nil:
		return errors.New("the zero Handler handles nothing")
	case h.name == "":
		return fmt.Errorf("a handler of %s has no name", h.pattern)
	case len(h.name) > letters.MaxHandlerBytes || !utf8.ValidString(h.name):
		return fmt.Errorf("a handler's name has %d bytes; valid UTF-8 of at most %d is possible: %.80q", len(h.name), letters.MaxHandlerBytes, h.name)
	case o.workers < 1 || o.workers > 1024:
		return fmt.Errorf("handler %s has %d workers; 1 to 1024 are possible", h.name, o.workers)
	case o.capacity < 1 || o.capacity > maxQueue:
		return fmt.Errorf("handler %s has a queue of %d; 1 to %d are possible", h.name, o.capacity, maxQueue)
	case o.tries < 1 || o.backoff.first < 0 || o.backoff.max < 0:
		return fmt.Errorf("handler %s has %d tries with waits of %v to %v; at least one try and no negative wait are needed",
			h.name, o.tries, o.backoff.first, o.backoff.max)
	case o.failures < 0 || o.failures > 0 && o.probe <= 0:
		return fmt.Errorf("handler %s has a breaker of %d failures and %v; a positive number of failures and a positive time are needed",
			h.name, o.failures, o.probe)
	case o.full != Wait && o.full != Shed:
		return fmt.Errorf("handler %s, when full: %q; mesh.Wait or mesh.Shed are possible", h.name, o.full)
	}
	return wire.CheckPattern(h.pattern)
}
