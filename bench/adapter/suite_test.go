package adapter

import (
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
)

// Watermill's universal suite, in its short form, with what each kind of bus claims.
func TestUniversalSuite(t *testing.T) {
	t.Cleanup(func() { noGoroutineIsLeft(t) })
	for _, variant := range []struct {
		name     string
		kind     Kind
		features tests.Features
		excluded map[string]string // why, by the name of the suite's test
	}{
		{name: "local", kind: Local, features: tests.Features{
			ExactlyOnceDelivery: true, GuaranteedOrder: true, RequireSingleInstance: true,
		}},
		// Over a link nothing is delivered twice, and something may be lost: at most once.
		{name: "one hop", kind: OneHop, features: tests.Features{
			GuaranteedOrder: true, RequireSingleInstance: true,
		}, excluded: map[string]string{
			"TestConcurrentClose": "it publishes while nobody listens, and a plain export keeps nothing",
		}},
		{name: "durable", kind: Durable, features: tests.Features{
			ConsumerGroups: true, Persistent: true,
		}},
		{name: "ordered", kind: Ordered, features: tests.Features{
			ConsumerGroups: true, Persistent: true, GuaranteedOrder: true,
		}},
	} {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			p := places{kind: variant.kind, excluded: variant.excluded, of: map[*testing.T]*Bus{}}
			variant.features.ForceShort = true
			if variant.kind.durable() {
				variant.features.RestartServiceCommand = p.listenForRestarts(t)
			}
			tests.TestPubSub(t, variant.features, p.pubSub, p.pubSubOfGroup)
		})
	}
}

// places has the bus of each of the suite's tests.
type places struct {
	kind     Kind
	excluded map[string]string

	mu sync.Mutex
	of map[*testing.T]*Bus
}

func (p *places) pubSub(t *testing.T) (message.Publisher, message.Subscriber) {
	return p.open(t, "the only one", 1)
}

// pubSubOfGroup knows that the suite's test has three groups.
func (p *places) pubSubOfGroup(t *testing.T, group string) (message.Publisher, message.Subscriber) {
	return p.open(t, group, 3)
}

func (p *places) open(t *testing.T, group string, groups int) (message.Publisher, message.Subscriber) {
	t.Helper()
	b, err := p.bus(t, groups)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscriber(group)
	if err != nil {
		t.Fatal(err)
	}
	return b.Publisher(), s
}

// bus opens one for the test, unless it has one.
func (p *places) bus(t *testing.T, groups int) (*Bus, error) {
	for name, why := range p.excluded {
		if strings.Contains(t.Name(), "/"+name+"/") {
			t.Skip("excluded: " + why)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.of[t]; b != nil {
		return b, nil
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})).With("test", t.Name())
	b, err := Open(p.kind, t.TempDir(), groups, logger)
	if err != nil {
		return nil, err
	}
	p.of[t] = b
	t.Cleanup(func() {
		p.mu.Lock()
		delete(p.of, t)
		p.mu.Unlock()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, nil
}

// restartAll restarts each bus that is open: TestReconnect's, which runs alone.
func (p *places) restartAll() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.of) == 0 {
		return errors.New("no bus is open")
	}
	var errs []error
	for _, b := range p.of {
		errs = append(errs, b.Restart())
	}
	return errors.Join(errs...)
}

// noGoroutineIsLeft looks for those of leafmesh and of its servers. The suite leaves some of its
// own.
func noGoroutineIsLeft(t *testing.T) {
	ours := func() (left []string) {
		stacks := make([]byte, 16<<20)
		for _, stack := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(stack, "leafmesh/mesh") || strings.Contains(stack, "nats-io/") {
				left = append(left, stack)
			}
		}
		return left
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(ours()) > 0 {
		if time.Now().After(deadline) {
			t.Errorf("goroutines are left:\n%s", strings.Join(ours(), "\n\n"))
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
