package transact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"leafmesh/mesh"
)

const (
	// maxAside is how many rows are set aside at most: where there are more, something is
	// wrong with all of them, and each look would have to skip them.
	maxAside = 1000
	// retryAside is the time between two tries of the rows set aside.
	retryAside = time.Minute
	// retriedAtOnce bounds how many of them are in memory together; one may have 1 MiB.
	retriedAtOnce = 16
)

// row is one of mesh_outbox.
type row struct {
	seq   int64
	event mesh.Staged
}

// aside are the rows that cannot be relayed as things stand. They are kept in memory
// alone, so that each start tries and tells of them again.
type aside struct {
	rows    []int64 // never changed in place: Stats may be reading
	failure error   // why the last of them cannot be relayed
}

// setAside sets a row aside, and logs it, if it cannot be relayed as things stand;
// otherwise, and if there is no room, it returns the error that stops the Relay.
func (r *Relay) setAside(w row, err error) error {
	if !errors.Is(err, mesh.ErrUnrelayable) {
		return fmt.Errorf("row %d of mesh_outbox: %w", w.seq, err)
	}
	if len(r.aside.rows) >= maxAside {
		return fmt.Errorf("row %d of mesh_outbox and all behind it wait, as %d rows are set aside already: %w; %s", w.seq, maxAside, err, remedy(w))
	}
	if len(r.aside.rows) == 0 {
		r.retryAt = time.Now().Add(r.retry)
	}
	r.keepAside(append(slices.Clip(r.aside.rows), w.seq), asideFor(w, err))
	r.log.Error("an event of the outbox is set aside; others pass it", "node", r.node.Name(), "sequence", w.seq,
		"event", w.event.ID, "type", w.event.Subject(), "error", err, "remedy", remedy(w))
	return nil
}

// asideFor is the failure of a row that is set aside.
func asideFor(w row, err error) error {
	return fmt.Errorf("row %d of mesh_outbox is set aside: %w; %s", w.seq, err, remedy(w))
}

// remedy says what becomes of a row that is set aside, and what to do.
func remedy(w row) string {
	return fmt.Sprintf("it is tried again each minute and at each start; to give the event up: DELETE FROM mesh_outbox WHERE seq = %d", w.seq)
}

// retryThoseAside tries the rows set aside again when it is time. Those that are
// still refused stay, without another line in the log; those that somebody deleted
// are forgotten.
func (r *Relay) retryThoseAside(ctx context.Context) error {
	if len(r.aside.rows) == 0 || time.Now().Before(r.retryAt) {
		return nil
	}
	var left []int64
	failure := r.aside.failure
	stay := func(w row, err error) error {
		if !errors.Is(err, mesh.ErrUnrelayable) {
			return fmt.Errorf("row %d of mesh_outbox: %w", w.seq, err)
		}
		left, failure = append(left, w.seq), asideFor(w, err)
		return nil
	}
	for tried := range slices.Chunk(r.aside.rows, retriedAtOnce) {
		b, err := r.outbox.these(ctx, tried)
		if err == nil {
			err = r.give(ctx, b, stay)
		}
		if err != nil {
			return err // all stay: those that were relayed are deleted, and are not found the next time
		}
	}
	r.retryAt = time.Now().Add(r.retry)
	r.keepAside(left, failure)
	return nil
}

// keepAside replaces what is set aside.
func (r *Relay) keepAside(rows []int64, failure error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aside = aside{rows: rows, failure: failure}
}
