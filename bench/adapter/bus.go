package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh"
)

// patience bounds how long a node may take to start, to be linked, or to close.
const patience = 20 * time.Second

// Bus is the node that messages are emitted on, and the places of those who subscribe.
type Bus struct {
	kind   Kind
	logger *slog.Logger
	node   atomic.Pointer[mesh.Node]
	local  *Subscriber // of a local bus, the only one
	key    string      // the public one of its node

	mu       sync.Mutex
	config   mesh.Config
	groups   []string // of services[i], once there is one
	services []string
	seats    map[string][]*seat // by service, those that are free
	open     map[*Subscriber]bool
}

// Open starts a bus that keeps its data in dir. Of a bus that is durable each of the given number
// of consumer groups gets each message. On an error nothing is left running.
func Open(kind Kind, dir string, groups int, logger *slog.Logger) (*Bus, error) {
	b := &Bus{kind: kind, logger: logger, seats: map[string][]*seat{}, open: map[*Subscriber]bool{}}
	b.config = mesh.Config{Name: "bus-1", Logger: logger}
	if kind.hops() {
		if err := b.addReaders(groups); err != nil {
			return nil, err
		}
	} else {
		b.local = newSubscriber(b, "")
		b.config.Handlers = []mesh.Handler{b.local.handler()}
	}
	if kind.durable() {
		b.config.Data = mesh.Path(filepath.Join(dir, b.config.Name))
	}
	if err := b.start(); err != nil {
		return nil, err
	}
	b.config.Listen = b.node.Load().ListenAddr() // where readers find it after a restart, too
	return b, nil
}

// addReaders declares the export and makes the places for those who import it.
func (b *Bus) addReaders(groups int) error {
	own, err := newSeat(b.config.Name)
	if err != nil {
		return err
	}
	b.key, b.config.Seed, b.config.Listen = own.key, own.seed, "127.0.0.1:0"
	export := messagePublished.Export(mesh.Limit{})
	for i := range groups {
		service := fmt.Sprintf("reader%d", i+1)
		b.services = append(b.services, service)
		for instance := range seatsOfService {
			s, err := newSeat(fmt.Sprintf("%s-%d", service, instance+1))
			if err != nil {
				return err
			}
			b.seats[service] = append(b.seats[service], s)
			b.config.Peers = append(b.config.Peers, mesh.Peer{Name: s.name, Key: s.key, MayImport: mesh.AllExports()})
		}
	}
	if b.kind.durable() {
		export.KeptFor = b.services
	}
	b.config.Exports = []mesh.Export{export}
	return nil
}

func (b *Bus) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	node, err := mesh.Open(ctx, b.config)
	if err != nil {
		return fmt.Errorf("open the bus: %w", err)
	}
	b.node.Store(node)
	return nil
}

// Publisher makes a publisher.
func (b *Bus) Publisher() *Publisher { return &Publisher{bus: b} }

// Subscriber makes a subscriber of a consumer group: an instance of the group's service. A bus that
// is local has one subscriber, whatever the group.
func (b *Bus) Subscriber(group string) (*Subscriber, error) {
	if b.local != nil {
		return b.local, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, service := range b.services {
		if i == len(b.groups) {
			b.groups = append(b.groups, group)
		}
		if b.groups[i] == group {
			s := newSubscriber(b, service)
			b.open[s] = true
			return s, nil
		}
	}
	return nil, fmt.Errorf("no place for consumer group %s beside %v", group, b.groups)
}

// take gives a subscriber the identity of a free instance of its service.
func (b *Bus) take(service string) (*seat, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	free := b.seats[service]
	if len(free) == 0 {
		return nil, fmt.Errorf("service %s has no more than %d instances", service, seatsOfService)
	}
	b.seats[service] = free[1:]
	return free[0], nil
}

// leave gives the identity back. It goes to the end of the line.
func (b *Bus) leave(s *Subscriber, taken *seat) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, s)
	if taken != nil {
		b.seats[s.service] = append(b.seats[s.service], taken)
	}
}

// Restart closes the node of the bus and opens it again at the same address, as an operator would
// restart a broker. Meanwhile nothing can be published.
func (b *Bus) Restart() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := closeNode(b.node.Load()); err != nil {
		return fmt.Errorf("restart the bus: %w", err)
	}
	return b.start()
}

// Close closes all subscribers, and then the bus.
func (b *Bus) Close() error {
	b.mu.Lock()
	var subscribers []*Subscriber
	for s := range b.open {
		subscribers = append(subscribers, s)
	}
	if b.local != nil {
		subscribers = append(subscribers, b.local)
	}
	b.mu.Unlock()
	var errs []error
	for _, s := range subscribers {
		errs = append(errs, s.Close())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Join(append(errs, closeNode(b.node.Load()))...)
}

func closeNode(node *mesh.Node) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return node.Close(ctx)
}
