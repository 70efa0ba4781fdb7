package hunt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
	"leafmesh/services/httpapi"
	"leafmesh/services/huntfile"
)

// solveWorkers is how many solves are recorded at the same time. They wait for a COMMIT, and those
// that wait together share one.
const solveWorkers = 64

// Service is one instance of the hunt service. Its methods may be called at the same time.
type Service struct {
	config  Config
	hunt    *huntfile.Hunt
	rules   rules
	records *records
	board   *board
	relay   *transact.Relay // of what the database holds for other services
	api     httpapi.API
}

// New opens the database in config.Data and loads the state of all teams. The hunt must be valid
// and must not change. The caller closes the service, also when it never served.
//
// Errors: *config.FieldError joined, for a hunt that cannot be played; *store.OwnerError for a
// database of another hunt; those of store.OpenFor.
func New(config Config, hunt *huntfile.Hunt) (*Service, error) {
	if err := hunt.Validate(); err != nil {
		return nil, fmt.Errorf("hunt: %w", err)
	}
	config.MaxTeams = cmp.Or(config.MaxTeams, DefaultMaxTeams)
	r, err := openRecords(string(config.Data), hunt.ID)
	if err != nil {
		return nil, err
	}
	b, err := r.load()
	if err != nil {
		_ = r.db.Close() // The first error tells more.
		return nil, err
	}
	return &Service{config: config, hunt: hunt, rules: rules{hunt}, records: r, board: b,
		relay: transact.NewRelay(transact.Config{Database: r.db, Logger: slog.Default()})}, nil
}

// Declare adds the service's handlers and database to the node's configuration, before mesh.Open.
func (s *Service) Declare(c *mesh.Config) {
	c.State = transact.NewState(s.records.db)
	c.Handlers = append(c.Handlers, Solved.Handle("progress", s.handleSolved, mesh.Workers(solveWorkers)))
}

// Serve starts to relay what the database holds for others, and the HTTP API if there is one. It
// returns when the API listens. ctx bounds the life of its requests, so it must live until
// StopServing has returned. A service is served once.
func (s *Service) Serve(ctx context.Context, node *mesh.Node) error {
	if err := s.relay.Start(ctx, node); err != nil {
		return fmt.Errorf("serve hunt: %w", err)
	}
	if err := s.api.Serve(node.Context(ctx), s.config.HTTP, s.routes(), s.config.HTTPHosts...); err != nil {
		return fmt.Errorf("serve hunt: %w", err)
	}
	return nil
}

// Check says why the database cannot be written; nil: it can.
func (s *Service) Check(ctx context.Context) error { return s.records.db.Check(ctx) }

// URL is where the HTTP API is reached, without a slash at the end; "" when it does not serve.
func (s *Service) URL() string { return s.api.URL() }

// StopServing ends the HTTP API: no further team joins by it. Requests under way end first, or when
// ctx ends. Harmless when not serving.
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
