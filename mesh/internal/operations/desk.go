package operations

import (
	"context"

	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
)

// Desk is all that stock clients are served at. The nil Desk serves nobody.
type Desk struct {
	Tap  *Tap
	lane *lane
}

// Open opens the tap of a node and its lane. Emits are served until intake ends.
func Open(server *leaf.Server, log *journal.Log, intake context.Context, maxPayload int, node Node, emit Emit) (*Desk, error) {
	tap, err := openTap(server, log, intake, emit)
	if err != nil {
		return nil, err
	}
	lane, err := openLane(server, node, log, maxPayload)
	if err != nil {
		tap.conn.Close()
		return nil, err
	}
	return &Desk{Tap: tap, lane: lane}, nil
}

// StopEmits ends the emits by request; those that have come are answered.
func (d *Desk) StopEmits(ctx context.Context) error {
	if d == nil {
		return nil
	}
	return d.Tap.stop(ctx)
}

// Close ends the tap and then the lane: last, so that a node that does not end can be asked why.
func (d *Desk) Close(ctx context.Context) error {
	if d == nil {
		return nil
	}
	d.Tap.conn.Close()
	return d.lane.stop(ctx)
}
