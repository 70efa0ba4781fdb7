package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

// durableClue exports solves durably to score.
func durableClue(t testing.TB, change ...func(*mesh.Config)) mesh.Config {
	c := mesh.Config{Name: "clue-1", Data: mesh.Path(t.TempDir()),
		Exports: []mesh.Export{{Event: "clue.clue.solved", KeptFor: []string{"score"}}}}
	for _, f := range change {
		f(&c)
	}
	return c
}

// durableScore imports solves durably.
func durableScore(t testing.TB, handle func(context.Context, solved) error, options ...mesh.HandlerOption) mesh.Config {
	return mesh.Config{Name: "score-1", Data: mesh.Path(t.TempDir()),
		Imports: []mesh.Import{{Event: "clue.clue.solved", Durable: true,
			Redelivery: mesh.Redelivery{Tries: 3, After: 10 * time.Millisecond, Max: 20 * time.Millisecond}}},
		Handlers: []mesh.Handler{clueSolved.Handle("count", handle, append([]mesh.HandlerOption{mesh.Retry{Tries: 1}}, options...)...)}}
}

// seen collects what handlers got.
type seen struct {
	mu   sync.Mutex
	list []solved
}

func (s *seen) add(_ context.Context, e solved) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, e)
	return nil
}

func (s *seen) all() []solved {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

func (s *seen) count() int { return len(s.all()) }

func TestDurableArrives(t *testing.T) {
	var got, local seen
	clue := durableClue(t, func(c *mesh.Config) { c.Handlers = append(c.Handlers, clueSolved.Handle("local", local.add)) })
	nodes := openAll(t, clue, durableScore(t, got.add))
	ctx := nodes.Node("clue-1").Context(t.Context())
	for i := range 100 {
		if err := clueSolved.Emit(ctx, solved{"owls", "a", int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "100 events at score", func() bool { return got.count() == 100 })
	await(t, "100 events at clue", func() bool { return local.count() == 100 })
	for i, e := range got.all() {
		if e.At != int64(i) {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
	await(t, "an empty backlog", func() bool {
		o := nodes.Node("clue-1").Stats().Outbox
		return o != nil && len(o.Readers) == 1 && o.Readers[0].Known && o.Readers[0].Backlog == 0
	})
	if n := nodes.Node("clue-1").Stats().Of("clue.clue.solved", stats.Stored); n != 100 {
		t.Errorf("%d stored", n)
	}
}

// An importer that starts later, and one that is closed and opened again, get all.
func TestDurableWaitsForItsImporter(t *testing.T) {
	var got seen
	clue, score := durableClue(t), durableScore(t, got.add)
	early := openAll(t, clue)
	for i := range 5 {
		if err := clueSolved.Emit(early[0].Context(t.Context()), solved{"owls", "a", int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := early.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		nodes, err := inproc.Open(within(t), clue, score)
		if err != nil {
			t.Fatal(err)
		}
		if err := clueSolved.Emit(nodes[0].Context(t.Context()), solved{"owls", "a", int64(5 + round)}); err != nil {
			t.Fatal(err)
		}
		await(t, "all events", func() bool { return got.count() >= 6+round })
		if err := nodes.Close(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range got.all() {
		if e.At != int64(i) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}

// What fails comes again; what fails too often becomes a letter, which can be
// replayed.
func TestDurableDeadLetter(t *testing.T) {
	var calls atomic.Int64
	var good atomic.Bool
	handle := func(context.Context, solved) error {
		calls.Add(1)
		if good.Load() {
			return nil
		}
		return errors.New("the database is on fire")
	}
	nodes := openAll(t, durableClue(t), durableScore(t, handle))
	score := nodes.Node("score-1")
	if err := clueSolved.Emit(nodes.Node("clue-1").Context(t.Context()), solved{"owls", "a", 1}); err != nil {
		t.Fatal(err)
	}
	await(t, "a letter", func() bool { return score.Stats().Letters.Count == 1 })
	if calls.Load() != 3 {
		t.Errorf("%d calls, want 3", calls.Load())
	}
	list, err := score.Letters()
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	l, err := score.Letter(list[0].Key)
	if err != nil || l.Handler != "count" || l.Peer != "clue-1" || l.Tries != 3 || l.Type != "clue.clue.solved" || l.Error != "the database is on fire" || len(l.Payload) == 0 {
		t.Errorf("%+v, %v", l, err)
	}
	if err := score.ReplayLetter(within(t), l.Key); err == nil || score.Stats().Letters.Count != 1 {
		t.Errorf("replayed while the handler fails: %v", err)
	}
	good.Store(true)
	if err := score.ReplayLetter(within(t), l.Key); err != nil || score.Stats().Letters.Count != 0 {
		t.Errorf("replayed: %v, %d letters", err, score.Stats().Letters.Count)
	}
	if err := score.DropLetter(l.Key); !errors.Is(err, mesh.ErrNoLetter) {
		t.Errorf("dropped twice: %v", err)
	}
	seen := score.Stats()
	if of := func(o stats.Outcome) uint64 { return seen.Of("clue.clue.solved", o) }; of(stats.Returned) != 2 || of(stats.DeadLettered) != 1 || of(stats.Redelivered) != 2 {
		t.Errorf("counts %+v", seen.Counts)
	}
}

// A handler that is run again stores its events under the same ids, so that they
// count once. Equal events of one call are two.
func TestDurableChildrenOnce(t *testing.T) {
	var got seen
	var calls atomic.Int64
	opened := func(ctx context.Context, e solved) error {
		for range 2 {
			if err := clueSolved.Emit(ctx, e); err != nil {
				return err
			}
		}
		if calls.Add(1) == 1 {
			return errors.New("once more")
		}
		return nil
	}
	again := func(ctx context.Context, e solved) error { // another handler: its events are others
		return clueSolved.Emit(ctx, e)
	}
	clue := durableClue(t, func(c *mesh.Config) {
		c.Handlers = append(c.Handlers, clueOpened.Handle("solve", opened), clueOpened.Handle("solve-too", again))
	})
	var ids sync.Map
	score := durableScore(t, func(ctx context.Context, e solved) error {
		h, _ := mesh.HeaderOf(ctx)
		ids.Store(h.ID, true)
		return got.add(ctx, e)
	})
	nodes := openAll(t, clue, score)
	if err := clueOpened.Emit(nodes[0].Context(t.Context()), solved{"owls", "a", 1}); err != nil {
		t.Fatal(err)
	}
	await(t, "three events", func() bool { return got.count() >= 3 })
	if err := clueSolved.Emit(nodes[0].Context(t.Context()), solved{"owls", "b", 2}); err != nil {
		t.Fatal(err)
	}
	await(t, "the last", func() bool { return got.count() >= 4 })
	different := 0
	ids.Range(func(any, any) bool { different++; return true })
	if got.count() != 4 || different != 4 {
		t.Errorf("%d events of %d ids, want 4 of 4", got.count(), different)
	}
}

// A full outbox refuses, by name, and goes on when there is room.
func TestDurableFull(t *testing.T) {
	var got seen
	clue := durableClue(t, func(c *mesh.Config) { c.Outbox.MaxEvents = 10 })
	nodes := openAll(t, clue)
	ctx := nodes[0].Context(t.Context())
	for i := range 10 {
		if err := clueSolved.Emit(ctx, solved{"owls", "a", int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	err := clueSolved.Emit(ctx, solved{"owls", "a", 10})
	var refused mesh.RefusedError
	if !errors.Is(err, mesh.ErrOutboxFull) || !errors.As(err, &refused) || refused.Place != "outbox" || refused.Rule != "outbox-full" {
		t.Fatalf("error %v", err)
	}
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	nodes = openAll(t, clue, durableScore(t, got.add))
	await(t, "the ten", func() bool { return got.count() == 10 })
	ctx = nodes[0].Context(t.Context())
	await(t, "room", func() bool { return clueSolved.Emit(ctx, solved{"owls", "a", 11}) == nil })
	await(t, "the new one", func() bool { return got.count() == 11 })
}

func TestDurableOrdered(t *testing.T) {
	var got seen
	failed := map[int64]bool{}
	handle := func(ctx context.Context, e solved) error {
		if e.At%7 == 3 && !failed[e.At] { // each of these fails once
			failed[e.At] = true
			return errors.New("once more")
		}
		return got.add(ctx, e)
	}
	score := durableScore(t, handle)
	score.Imports[0].Ordered = mesh.OrderedAll
	nodes := openAll(t, durableClue(t), score)
	for i := range 50 {
		if err := clueSolved.Emit(nodes[0].Context(t.Context()), solved{fmt.Sprint("team ", i%3), "a", int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "all", func() bool { return got.count() == 50 })
	for i, e := range got.all() {
		if e.At != int64(i) {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
}

// An import that the exporter keeps nothing for says so.
func TestDurableNotKept(t *testing.T) {
	clue := durableClue(t)
	clue.Exports[0].KeptFor = []string{"hunt"}
	nodes, err := inproc.Open(within(t), clue, durableScore(t, func(context.Context, solved) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	defer nodes.Close(within(t))
	if err := nodes.Ready(within(t)); !errors.Is(err, mesh.ErrNotExported) {
		t.Errorf("ready: %v", err)
	}
}

// A batch is stored and arrives in order, and says by index what was refused.
func TestDurableEmitAll(t *testing.T) {
	var got seen
	clue := durableClue(t, func(c *mesh.Config) { c.Outbox.MaxEvents = 1000 })
	nodes := openAll(t, clue)
	values := make([]solved, 1003)
	for i := range values {
		values[i] = solved{"owls", "a", int64(i)}
	}
	err := clueSolved.EmitAll(nodes[0].Context(t.Context()), values)
	var first *mesh.ValueError
	if !errors.As(err, &first) || first.Index != 1000 || !errors.Is(err, mesh.ErrOutboxFull) {
		t.Errorf("error %v", err)
	}
	if n := nodes[0].Stats().Of("clue.clue.solved", stats.Stored); n != 1000 {
		t.Errorf("%d stored", n)
	}
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	openAll(t, clue, durableScore(t, got.add))
	await(t, "all", func() bool { return got.count() == 1000 })
	for i, e := range got.all() {
		if e.At != int64(i) {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
}

// Nothing is relayed past an event that is not stored, also where the batch has to go
// in the middle because a queue is full.
func TestDurableRelayStopsAtWhatIsNotStored(t *testing.T) {
	var got seen
	clue := durableClue(t, func(c *mesh.Config) {
		c.Outbox.MaxEvents = 1
		c.Handlers = append(c.Handlers, clueOpened.Handle("local", got.add, mesh.Queue(1)))
	})
	nodes := openAll(t, clue)
	ctx := nodes[0].Context(t.Context())
	if err := clueSolved.Emit(ctx, solved{"owls", "a", 0}); err != nil {
		t.Fatal(err)
	}
	var events []mesh.Staged
	for i, e := range []*mesh.Event[solved]{clueSolved, clueOpened, clueOpened, clueOpened} {
		one, err := e.Stage(ctx, solved{"owls", "a", int64(i)})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, one)
	}
	relayed, err := nodes[0].Relay(ctx, events...)
	if relayed != 0 || !errors.Is(err, mesh.ErrOutboxFull) || !strings.Contains(err.Error(), events[0].ID.String()) {
		t.Errorf("%d relayed, %v", relayed, err)
	}
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if got.count() != 0 {
		t.Errorf("handled %v", got.all())
	}
}

// Places that a batch holds are not what it waits for.
func TestDurableEmitAllWithASmallQueue(t *testing.T) {
	var got seen
	clue := durableClue(t, func(c *mesh.Config) {
		c.Handlers = append(c.Handlers, clueSolved.Handle("local", got.add, mesh.Queue(2)))
	})
	nodes := openAll(t, clue)
	if err := clueSolved.EmitAll(nodes[0].Context(t.Context()), make([]solved, 50)); err != nil {
		t.Fatal(err)
	}
	await(t, "all", func() bool { return got.count() == 50 })
}
