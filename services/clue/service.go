package clue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
	"leafmesh/services/httpapi"
	"leafmesh/services/huntfile"
)

// judgeWorkers is how many guesses are judged at the same time. Judging waits for a COMMIT, and
// those that wait together share one.
const judgeWorkers = 128

// judgeQueue is how many guesses wait for each worker; more wait outside. A team may guess dozens
// of times in a row, and whoever submits them all waits as soon as one queue is full, while other
// workers have nothing to do. So the queues are long: in the replay of a real log a COMMIT holds 26
// guesses, and 13 with a quarter of the places and half of the workers. What waits here is lost
// with the process, as nobody was told of it, and takes some 300 bytes.
const judgeQueue = 512

// Service is one instance of the clue service. Its methods may be called at the same time.
type Service struct {
	config  Config
	hunt    *huntfile.Hunt
	clues   map[string]huntfile.Clue // by id
	judge   *judge
	records *records
	board   *board
	ids     attemptIDs
	waiters waiters
	relay   *transact.Relay // of the solves and hints in the database
	api     httpapi.API
}

// New opens the database in config.Data and loads the state of all teams. The hunt must be valid
// and must not change. The caller closes the service, also when it never served.
//
// Errors: *config.FieldError joined, for a hunt that cannot be played; *store.OwnerError for a
// database of another hunt; those of store.OpenFor.
func New(config Config, hunt *huntfile.Hunt) (*Service, error) {
	if err := hunt.Validate(); err != nil {
		return nil, fmt.Errorf("clue: %w", err)
	}
	s := &Service{config: config, hunt: hunt, judge: newJudge(hunt)}
	var err error
	if s.records, err = openRecords(string(config.Data), hunt.ID, &s.ids); err != nil {
		return nil, err
	}
	if s.board, err = s.records.load(); err != nil {
		_ = s.records.db.Close() // The first error tells more.
		return nil, err
	}
	s.relay = transact.NewRelay(transact.Config{Database: s.records.db, Logger: slog.Default()})
	s.clues = make(map[string]huntfile.Clue, len(hunt.Clues))
	for _, c := range hunt.Clues {
		s.clues[c.ID] = c
	}
	return s, nil
}

// Declare adds the service's handlers and database to the node's configuration, before mesh.Open.
func (s *Service) Declare(c *mesh.Config) {
	c.State = transact.NewState(s.records.db)
	c.Handlers = append(c.Handlers,
		Submitted.Handle("judge", s.handleSubmitted, mesh.Workers(judgeWorkers), mesh.Queue(judgeQueue)),
		Unlocked.Handle("open", s.handleUnlocked, mesh.Workers(4)),
	)
}

// Serve starts to relay what the database holds for others, and the HTTP API if there is one. It
// returns when the API listens. ctx bounds the life of its requests, so it must live until
// StopServing has returned. A service is served once.
func (s *Service) Serve(ctx context.Context, node *mesh.Node) error {
	if err := s.relay.Start(ctx, node); err != nil {
		return fmt.Errorf("serve clue: %w", err)
	}
	if err := s.api.Serve(node.Context(ctx), s.config.HTTP, s.routes(), s.config.HTTPHosts...); err != nil {
		return fmt.Errorf("serve clue: %w", err)
	}
	return nil
}

// Check says why the database cannot be written; nil: it can.
func (s *Service) Check(ctx context.Context) error { return s.records.db.Check(ctx) }

// URL is where the HTTP API is reached, without a slash at the end; "" when it does not serve.
func (s *Service) URL() string { return s.api.URL() }

// StopServing ends the HTTP API: no further guess comes in by it. Requests under way end first, or
// when ctx ends. Harmless when not serving.
func (s *Service) StopServing(ctx context.Context) error { return s.api.Close(ctx) }

// StopRelaying ends the relay, before the node is closed. What it leaves is relayed when the
// service is served the next time. Harmless when not serving.
func (s *Service) StopRelaying() { s.relay.Stop() }

// Close stops serving and closes the database. Close the node before, so that no handler needs it
// any more.
func (s *Service) Close(ctx context.Context) error {
	err := s.StopServing(ctx)
	s.StopRelaying()
	return errors.Join(err, s.records.db.Close())
}
