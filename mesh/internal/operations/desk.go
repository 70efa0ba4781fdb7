package operations

import (
	"context"

	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
)

// Desk is all that stock clients are served at. The nil Desk serves nobody.
type Desk struct {
	Tap     *Tap
	service *service
}

// Open opens the tap of a node. Emits are served until intake ends, and questions from
// [Desk.Answer] on.
func Open(server *leaf.Server, log *journal.Log, intake context.Context, emit Emit) (*Desk, error) {
	tap, err := openTap(server, log, intake, emit)
	if err != nil {
		return nil, err
	}
	return &Desk{Tap: tap}, nil
}

// Answer lets clients ask.
func (d *Desk) Answer(server *leaf.Server, a *Answerer) (err error) {
	if d == nil {
		return nil
	}
	d.service, err = openService(server, a)
	return err
}

// StopEmits ends the emits by request; those that have come are answered.
func (d *Desk) StopEmits(ctx context.Context) error {
	if d == nil {
		return nil
	}
	return d.Tap.stop(ctx)
}

// Close ends the tap and then the service: last, so that a node that does not end can be asked why.
func (d *Desk) Close(ctx context.Context) error {
	if d == nil {
		return nil
	}
	d.Tap.conn.Close()
	return d.service.stop(ctx)
}
