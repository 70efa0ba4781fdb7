package score

import (
	"context"
	"errors"
	"fmt"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
	"leafmesh/services/httpapi"
	"leafmesh/services/huntfile"
)

const (
	// countWorkers is how many solves are counted at the same time. They wait for a COMMIT, and
	// those that wait together share one.
	countWorkers = 64
	// otherWorkers is how many events of each other type are handled at the same time. They are
	// few, or only read.
	otherWorkers = 4
)

// Service is one instance of the score service. Its methods may be called at the same time.
type Service struct {
	config Config
	points map[string]int // of a solve, by clue
	ledger *ledger
	feed   *feed
	api    httpapi.API
}

// New opens the database in config.Data. The hunt must not change any more. The caller closes the
// service, also when it never served.
//
// Errors: what hunt.Validate finds; *store.OwnerError for a database of another hunt; those of
// store.OpenFor.
func New(config Config, hunt *huntfile.Hunt) (*Service, error) {
	if err := hunt.Validate(); err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	l, err := openLedger(string(config.Data), hunt.ID)
	if err != nil {
		return nil, err
	}
	s := &Service{config: config, points: make(map[string]int, len(hunt.Clues)), ledger: l, feed: newFeed(l.places)}
	for _, c := range hunt.Clues {
		s.points[c.ID] = c.Points
	}
	return s, nil
}

// Declare adds the service's handlers and database to the node's configuration, before mesh.Open.
func (s *Service) Declare(c *mesh.Config) {
	c.State = transact.NewState(s.ledger.db)
	c.Handlers = append(c.Handlers,
		Solved.Handle("count-solve", s.handleSolved, mesh.Workers(countWorkers)),
		Hinted.Handle("count-hint", s.handleHinted, mesh.Workers(otherWorkers)),
		Finished.Handle("finish", s.handleFinished, mesh.Workers(otherWorkers)),
		Awarded.Handle("announce", s.handleAwarded, mesh.Workers(otherWorkers)),
	)
}

// Serve starts the HTTP API if there is one. It returns when the API listens. ctx bounds the life
// of its requests, so it must live until StopServing has returned.
func (s *Service) Serve(ctx context.Context, node *mesh.Node) error {
	if err := s.api.Serve(node.Context(ctx), s.config.HTTP, s.routes(), s.config.HTTPHosts...); err != nil {
		return fmt.Errorf("serve score: %w", err)
	}
	if s.api.URL() != "" {
		s.feed.start(ctx)
	}
	return nil
}

// Check says why the database cannot be written; nil: it can.
func (s *Service) Check(ctx context.Context) error { return s.ledger.db.Check(ctx) }

// URL is where the HTTP API is reached, without a slash at the end; "" when it does not serve.
func (s *Service) URL() string { return s.api.URL() }

// StopServing ends the HTTP API and its streams. Requests under way end first, or when ctx ends.
// Harmless when not serving.
func (s *Service) StopServing(ctx context.Context) error {
	err := s.api.Close(ctx)
	s.feed.stop()
	return err
}

// StopRelaying does nothing: this service has no outbox. What it emits tells of what the database
// holds, and the next event of the team, or a look at the leaderboard, tells the same again.
func (s *Service) StopRelaying() {}

// Close stops serving and closes the database. Close the node before, so that no handler needs it
// any more.
func (s *Service) Close(ctx context.Context) error {
	return errors.Join(s.StopServing(ctx), s.ledger.close())
}

// Leaderboard returns the first limit rows of the leaderboard, all when limit is 0 or less, as the
// database holds it.
func (s *Service) Leaderboard(ctx context.Context, limit int) ([]Row, error) {
	places, err := s.ledger.places(ctx)
	if err != nil {
		return nil, err
	}
	if limit > 0 && limit < len(places) {
		places = places[:limit]
	}
	return rows(places), nil
}
