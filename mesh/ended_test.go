package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// errOperator is what somebody gives as the cause when a context ends.
var errOperator = errors.New("the operator has no more time")

// endings are the ways in which a context ends. Calls begin before it does.
var endings = []struct {
	name  string
	begin func(context.Context) (context.Context, context.CancelFunc)
	is    []error // all that errors.Is finds
}{
	{"timeout", func(parent context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(parent, endsAfter)
	}, []error{context.DeadlineExceeded}},
	{"timeout with a cause", func(parent context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(parent, endsAfter, errOperator)
	}, []error{context.DeadlineExceeded, errOperator}},
	{"cancel", func(parent context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(parent)
		time.AfterFunc(endsAfter, cancel)
		return ctx, cancel
	}, []error{context.Canceled}},
	{"cancel with a cause", func(parent context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(parent)
		time.AfterFunc(endsAfter, func() { cancel(errOperator) })
		return ctx, func() { cancel(nil) }
	}, []error{context.Canceled, errOperator}},
}

const endsAfter = 30 * time.Millisecond

// stuck opens a node whose handler "count" has an event until its context or the test ends. Its
// queue is full.
func stuck(t *testing.T) *mesh.Node {
	t.Helper()
	begun, over := make(chan struct{}, 1), make(chan struct{})
	n := openHandlers(t, stepTaken.Handle("count", func(ctx context.Context, _ step) error {
		select {
		case begun <- struct{}{}:
		default:
		}
		select {
		case <-ctx.Done():
		case <-over:
		}
		return nil
	}, mesh.Workers(1), mesh.Queue(1)))
	t.Cleanup(func() { close(over) })
	emitStep(t, n, stepTaken, step{})
	<-begun
	return n
}

// lonely opens a node that imports from peers which are not there.
func lonely(t *testing.T, durable bool, peers ...string) *mesh.Node {
	t.Helper()
	seed, _ := keyPair(t)
	c := mesh.Config{Name: "score-1", Seed: mesh.NewSecret(seed), Data: mesh.Path(t.TempDir())}
	for i, name := range peers {
		_, key := keyPair(t)
		c.Peers = append(c.Peers, mesh.Peer{Name: name, URL: fmt.Sprintf("nats-leaf://127.0.0.1:%d", i+1), Key: key})
	}
	c.Imports = []mesh.Import{{Event: clueSolved.Subject(), Durable: durable}}
	c.Handlers = []mesh.Handler{clueSolved.Handle("count", func(context.Context, solved) error { return nil })}
	n, err := mesh.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	return n
}

// Whatever waits says what it waited for when its context ends, and how that ended.
func TestWhatAnEndedContextSays(t *testing.T) {
	for _, call := range []struct {
		name  string
		begin func(*testing.T) func(context.Context) error
		says  []string
	}{
		{"Ready", func(t *testing.T) func(context.Context) error { return lonely(t, false, "clue-1", "clue-2").Ready },
			[]string{"node score-1 is not ready", "link to clue-1 (nats-leaf://127.0.0.1:1): not connected", "link to clue-2 "}},
		{"Ready of a durable import", func(t *testing.T) func(context.Context) error { return lonely(t, true, "clue-1").Ready },
			[]string{"node score-1 is not ready", "link to clue-1 (nats-leaf://127.0.0.1:1): not connected"}},
		{"inproc Ready", func(t *testing.T) func(context.Context) error {
			return inproc.Nodes{lonely(t, false, "clue-1"), lonely(t, false, "clue-2")}.Ready
		}, []string{"link to clue-1 ", "link to clue-2 "}},
		{"Open", func(t *testing.T) func(context.Context) error {
			return func(ctx context.Context) error {
				<-ctx.Done()
				_, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", OneProcess: true})
				return err
			}
		}, []string{"open node clue-1", "the listeners are not ready"}},
		{"Close", func(t *testing.T) func(context.Context) error { return stuck(t).Close },
			[]string{"close node core-1", "1 events were still queued or being handled"}},
		{"Close while another call closes", func(t *testing.T) func(context.Context) error {
			n, first := stuck(t), make(chan error, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { first <- n.Close(ctx) }()
			t.Cleanup(func() {
				cancel()
				<-first
			})
			awaitClosing(t, n)
			return n.Close
		}, []string{"close node core-1", "another call is still closing it"}},
		{"Emit", func(t *testing.T) func(context.Context) error {
			n := stuck(t)
			return func(ctx context.Context) error { return stepTaken.Emit(n.Context(ctx), step{}) }
		}, []string{"core.step.taken refused at handler count by queue-full"}},
		{"EmitAll", func(t *testing.T) func(context.Context) error {
			n := stuck(t)
			return func(ctx context.Context) error { return stepTaken.EmitAll(n.Context(ctx), []step{{}}) }
		}, []string{"core.step.taken refused at handler count by queue-full"}},
		{"Relay", func(t *testing.T) func(context.Context) error {
			n := stuck(t)
			staged, err := stepTaken.Stage(n.Context(t.Context()), step{})
			if err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context) error {
				_, err := n.Relay(ctx, staged)
				return err
			}
		}, []string{"relay event ", "core.step.taken refused at handler count by queue-full"}},
		{"Settle", func(t *testing.T) func(context.Context) error { return inproc.Nodes{stuck(t)}.Settle },
			[]string{"not at rest", "core-1: 1 events are queued or being handled"}},
	} {
		for _, ending := range endings {
			t.Run(call.name+", "+ending.name, func(t *testing.T) {
				t.Parallel()
				f := call.begin(t)
				ctx, cancel := ending.begin(context.WithoutCancel(t.Context()))
				defer cancel()
				err := f(ctx)
				if err == nil {
					t.Fatal("no error")
				}
				for _, is := range []error{context.Canceled, context.DeadlineExceeded, errOperator} {
					if want := slices.Contains(ending.is, is); errors.Is(err, is) != want {
						t.Errorf("errors.Is(%q, %q) is %v", err, is, !want)
					}
				}
				for _, text := range call.says {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("%q does not say %q", err, text)
					}
				}
			})
		}
	}
}

// Ready of a node that misses nothing has nothing to say, and one that a peer refuses says so.
func TestReadyOfTheComplete(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := openHandlers(t).Ready(ended); err != nil {
		t.Errorf("of a node alone: %v", err)
	}
	nodes := openAll(t, clueNode("clue-1"), scoreNode("score-1", mesh.Each, func(context.Context, solved) error { return nil }))
	if err := nodes.Ready(ended); err != nil {
		t.Errorf("of nodes that are ready: %v", err)
	}
	_, stranger := keyPair(t)
	server, _, serverKey := hostile(t, stranger)
	seed, _ := keyPair(t)
	n, err := mesh.Open(t.Context(), mesh.Config{Name: "score-1", Seed: mesh.NewSecret(seed),
		Peers:    []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + server.ListenAddr(), Key: serverKey}},
		Imports:  []mesh.Import{clueSolved.Import(mesh.Limit{}, mesh.Each)},
		Handlers: []mesh.Handler{clueSolved.Handle("count", func(context.Context, solved) error { return nil })}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	await(t, "the refusal", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), endsAfter)
		defer cancel()
		err := n.Ready(ctx)
		return errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "does not know this node's key")
	})
}
