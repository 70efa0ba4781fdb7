package leaf

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"leafmesh/bench/story/cascade"
	"leafmesh/bench/story/part"
	"leafmesh/mesh"
	"leafmesh/mesh/transact"
	"leafmesh/services/store"
)

// events are the story's types.
var events = map[string]*mesh.Event[cascade.Fact]{}

func init() {
	for _, subject := range []string{cascade.Submitted, cascade.Judged, cascade.Solved, cascade.Unlocked, cascade.Progressed,
		cascade.Awarded, cascade.Leaderboard, cascade.Rumour} {
		events[subject] = mesh.NewEvent[cascade.Fact](subject, mesh.Key(func(f cascade.Fact) string { return f.Team }))
	}
}

type service struct {
	part.Assignment
	account *cascade.Account
	node    *mesh.Node
	db      *store.DB // nil without state
	relay   *transact.Relay
}

// Open makes a service with a node in it, and returns when the node is linked.
func Open(ctx context.Context, a part.Assignment, account *cascade.Account) (part.Side, error) {
	s := &service{Assignment: a, account: account}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func (s *service) open(ctx context.Context) (err error) {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if s.Line.State {
		if s.db, err = cascade.OpenState(s.Folder, s.Service); err != nil {
			return err
		}
		s.relay = transact.NewRelay(transact.Config{Database: s.db, Logger: logger})
	}
	c := s.config()
	c.Logger = logger
	for _, h := range cascade.Of(s.Service) {
		if h.Bad && s.BadRoot < 0 {
			continue
		}
		c.Handlers = append(c.Handlers, events[h.On].Handle(h.Name, func(ctx context.Context, f cascade.Fact) error {
			return s.handle(ctx, h, f)
		}, mesh.Workers(cascade.Workers)))
	}
	if s.node, err = mesh.Open(ctx, c); err != nil {
		return err
	}
	if err := s.node.Ready(ctx); err != nil {
		return err
	}
	if s.relay != nil {
		return s.relay.Start(ctx, s.node)
	}
	return nil
}

// config is the node's: what another service handles is exported, what another one exports is
// imported.
func (s *service) config() mesh.Config {
	own := s.Nodes[s.Service]
	c := mesh.Config{Name: s.Service + "-1", Listen: own.Address, Seed: mesh.NewSecret(own.Seed)}
	if s.Line.Kept {
		c.Data = mesh.Path(filepath.Join(s.Folder, c.Name))
	}
	for _, other := range cascade.Services {
		if other != s.Service {
			n := s.Nodes[other]
			c.Peers = append(c.Peers, mesh.Peer{Name: other + "-1", URL: "nats-leaf://" + n.Address, Key: n.Key, MayImport: mesh.AllExports()})
		}
	}
	for subject, readers := range cascade.Exported {
		switch {
		case strings.HasPrefix(subject, s.Service+"."):
			export := mesh.Export{Event: subject}
			if s.Line.Kept {
				export.KeptFor = readers
			}
			c.Exports = append(c.Exports, export)
		case slices.Contains(readers, s.Service):
			c.Imports = append(c.Imports, mesh.Import{Event: subject, Durable: s.Line.Kept})
		}
	}
	return c
}

// handle does a handler's work and emits what follows. With state, what others get is in one
// transaction with the state.
func (s *service) handle(ctx context.Context, h cascade.Handler, f cascade.Fact) error {
	if h.Bad {
		s.misbehave(ctx, h, f)
		return nil
	}
	var staged []mesh.Staged
	for n, subject := range h.Follows {
		event, next := events[subject], h.Next(f, n)
		if s.db == nil || cascade.Exported[subject] == nil {
			if err := event.Emit(ctx, next); err != nil {
				return err
			}
			continue
		}
		one, err := event.Stage(ctx, next)
		if err != nil {
			return err
		}
		staged = append(staged, one)
	}
	if err := s.commit(ctx, h, f, staged); err != nil {
		return err
	}
	if h.Effect {
		s.account.Effect(f.Root)
	}
	return nil
}

// commit changes the service's state, and puts what others get beside it.
func (s *service) commit(ctx context.Context, h cascade.Handler, f cascade.Fact, staged []mesh.Staged) error {
	if s.db == nil || h.Work == nil {
		return nil
	}
	begun := time.Now()
	if err := h.Work(ctx, s.db, f, func(tx *store.Tx) error { return transact.Put(ctx, tx, staged...) }); err != nil {
		return err
	}
	s.account.Worked(begun)
	if len(staged) > 0 {
		s.relay.Wake()
	}
	return nil
}

// misbehave multiplies what comes of the bad root, and looks at no error.
func (s *service) misbehave(ctx context.Context, h cascade.Handler, f cascade.Fact) {
	if int64(f.Root) != s.BadRoot {
		return
	}
	s.account.Rogue()
	for n, subject := range h.Follows {
		_ = events[subject].Emit(ctx, h.Next(f, n))
	}
}

// Emit emits a root.
func (s *service) Emit(ctx context.Context, f cascade.Fact) error {
	return events[cascade.Submitted].Emit(s.node.Context(ctx), f)
}

// Losses are what the node counted.
func (s *service) Losses() (lost []string) {
	for _, c := range s.node.Stats().Counts {
		if c.Outcome.IsLoss() {
			lost = append(lost, s.Service+": "+c.String())
		}
	}
	return lost
}

// Close ends the relay, the node and the database, in this order.
func (s *service) Close(ctx context.Context) (err error) {
	if s.relay != nil {
		s.relay.Stop()
	}
	if s.node != nil {
		err = s.node.Close(ctx)
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}
