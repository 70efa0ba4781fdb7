package main

import (
	"context"
	"fmt"
	"sync"

	"leafmesh/mesh"
)

// whole is a carrier that carries so many events by itself, and returns when all are handled.
type whole interface {
	carry(ctx context.Context, events int) error
}

// observer is a carrier that adds figures of its own.
type observer interface{ observe(*figures) }

// shape is one node, local, with more than one of something. What is 0 is 1, but for handlers and
// others.
type shape struct {
	name     string
	types    int // the emitters share them
	emitters int
	handlers int // of each type
	burst    int // events of a type before the next one has its turn
	keys     int
	others   int // handlers of patterns that match none of the types
	rules    []mesh.Rule
	refused  bool // the rules refuse: what is measured is the refusal
	exported bool // for peers of which none imports
	recorder *mesh.Size
}

func (s shape) side() side {
	return side{name: s.name, open: func(ctx context.Context, _ func()) (carrier, error) { return s.open(ctx) }}
}

// shaped is a shape that runs.
type shaped struct {
	shape
	node   *mesh.Node
	events []*mesh.Event[answerJudged]
	counts []*count
	teams  []string
}

// count is what one handler saw. The emitters set it before they emit.
type count struct {
	seen, want int
	done       *sync.WaitGroup
	_          [64]byte // two handlers share no cache line
}

func (c *count) handle() {
	if c.seen++; c.seen == c.want {
		c.done.Done()
	}
}

func (s shape) open(ctx context.Context) (carrier, error) {
	r := &shaped{shape: s}
	c, err := s.config()
	if err != nil {
		return nil, err
	}
	for i := range max(1, s.types) {
		event := judged
		if i > 0 {
			event = typeNumber(i)
		}
		r.events = append(r.events, event)
		for h := range s.handlers {
			seen := &count{}
			r.counts = append(r.counts, seen)
			c.Handlers = append(c.Handlers, event.Handle(fmt.Sprintf("count-%d-%d", i, h), func(context.Context, answerJudged) error {
				seen.handle()
				return nil
			}))
		}
	}
	for i := range s.others {
		c.Handlers = append(c.Handlers, mesh.HandleAll(fmt.Sprintf("clue.other-%d.*", i), fmt.Sprintf("other-%d", i),
			func(context.Context, mesh.Any) error { return nil }))
	}
	for i := range s.keys {
		r.teams = append(r.teams, fmt.Sprintf("puzzlin-%d", i))
	}
	r.node, err = mesh.Open(ctx, c)
	return r, err
}

// config is the node's, without handlers.
func (s shape) config() (c mesh.Config, err error) {
	c.Name = "clue-1"
	if s.exported {
		seed, _, err := newKey()
		if err != nil {
			return c, err
		}
		_, reader, err := newKey()
		if err != nil {
			return c, err
		}
		c = exporterTo(reader, c.Name, seed)
	}
	c.Limits, c.Recorder = s.rules, s.recorder
	return c, nil
}

var numbered = struct {
	sync.Mutex
	types map[int]*mesh.Event[answerJudged]
}{types: make(map[int]*mesh.Event[answerJudged])}

// typeNumber is a type like judged. A type is made once in a process.
func typeNumber(n int) *mesh.Event[answerJudged] {
	numbered.Lock()
	defer numbered.Unlock()
	if numbered.types[n] == nil {
		numbered.types[n] = mesh.NewEvent[answerJudged](fmt.Sprintf("clue.answer-%d.judged", n), mesh.Key(func(a answerJudged) string { return a.Team }))
	}
	return numbered.types[n]
}

// carry counts deliveries: with ten handlers it emits a tenth as many events. Each type gets as
// many as any other.
func (s *shaped) carry(ctx context.Context, deliveries int) error {
	each := max(1, deliveries/len(s.events)/max(1, s.handlers))
	var handling, emitting sync.WaitGroup
	handling.Add(len(s.counts))
	for _, c := range s.counts {
		c.seen, c.want, c.done = 0, each, &handling
	}
	emitters := max(1, s.emitters)
	problems := make([]error, emitters)
	for e := range emitters {
		emitting.Go(func() { problems[e] = s.emitAll(ctx, e, emitters, each) })
	}
	emitting.Wait()
	for _, err := range problems {
		if err != nil {
			return err
		}
	}
	handling.Wait()
	return nil
}

// emitAll emits each of an emitter's types so often, in turn.
func (s *shaped) emitAll(ctx context.Context, first, step, each int) error {
	root, value, key := s.node.Context(ctx), sample, 0
	burst := max(1, s.burst)
	for left := each; left > 0; left -= burst {
		for t := first; t < len(s.events); t += step {
			for range min(left, burst) {
				if len(s.teams) > 0 {
					value.Team = s.teams[key%len(s.teams)]
					key++
				}
				if err := s.events[t].Emit(root, value); err != nil && !s.refused {
					return fmt.Errorf("emit %s: %w", s.events[t].Subject(), err)
				}
			}
		}
	}
	return nil
}

func (s *shaped) emit(context.Context, *answerJudged) error { return nil } // carry emits
func (s *shaped) close(ctx context.Context) error           { return s.node.Close(ctx) }

// fourChannels are four goroutines that send over a channel each.
func fourChannels() side {
	return side{name: "four Go channels", open: func(context.Context, func()) (carrier, error) { return channels(4), nil }}
}

type channels int

func (n channels) carry(_ context.Context, events int) error {
	var running sync.WaitGroup
	for range int(n) {
		values := make(chan answerJudged, queueSize)
		running.Go(func() {
			for range max(1, events/int(n)) {
				values <- sample
			}
			close(values)
		})
		running.Go(func() {
			for range values {
			}
		})
	}
	running.Wait()
	return nil
}

func (channels) emit(context.Context, *answerJudged) error { return nil } // carry emits
func (channels) close(context.Context) error               { return nil }
