package rules

import (
	"context"
	"sync"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/steps"
)

// house is a gate with the sets of two types and two handlers that take both, as a
// node has them.
type house struct {
	clock *clock.Clock
	gate  *Gate
	trace *steps.Trace

	mu       sync.Mutex
	sets     map[string]*Set           // guarded by mu
	handlers map[[2]string]*HandlerSet // guarded by mu: by handler and type
}

// houseHandler is a handler of all events.
type houseHandler string

func (h houseHandler) Name() string    { return string(h) }
func (h houseHandler) Pattern() string { return ">" }

func (h houseHandler) Settings() config.HandlerSettings { return config.DefaultHandlerSettings() }

var houseHandlers = []config.Handler{houseHandler("one"), houseHandler("two")}

// houseNode is the node of the handlers, whose program declares every type.
var houseNode = config.Node{Handlers: houseHandlers}

func everyType(string) bool { return true }

func newHouse(rules []config.Rule) *house {
	h := &house{clock: clock.New(nil), trace: steps.New(nil), sets: map[string]*Set{}, handlers: map[[2]string]*HandlerSet{}}
	h.gate = NewGate(Env{Clock: h.clock, Trace: h.trace}, nil)
	h.setRules(rules)
	return h
}

func (h *house) set(subject string) *Set {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sets[subject]
}

func (h *house) handlerSet(handler, subject string) *HandlerSet {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.handlers[[2]string{handler, subject}]
}

func (h *house) setRules(rules []config.Rule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate.Replace(rules)
	for _, subject := range []string{gateOpened, gateClosed} {
		h.sets[subject] = h.gate.Set(subject, subject == gateOpened, h.sets[subject])
		for _, handler := range houseHandlers {
			at := [2]string{handler.Name(), subject}
			h.handlers[at] = h.gate.HandlerSet(subject, steps.AtHandler(handler.Name()), true, h.handlers[at])
		}
	}
}

// admitEmit asks the rules of emitting, and those of the export that refuse.
func (h *house) admitEmit(ctx context.Context, subject string, e *Event, now int64) (Verdict, error) {
	set := h.set(subject) // once, as a node does: rules may change during a wait
	v, err := Admit(ctx, set.Emit, e, now)
	if v != Passed || err != nil {
		return v, err
	}
	return Admit(ctx, set.ExportRefuse, e, now)
}
