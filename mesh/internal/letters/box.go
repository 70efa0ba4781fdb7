package letters

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Box is a node's letters, as its operators see them. A Box without letters has none.
type Box struct {
	Durable *Letters // of durable imports; nil if nothing is durable
	Local   *Local   // of all other events; nil if they are not kept
}

// folders are those that there are.
func (b *Box) folders() (all []*Letters) {
	if b.Durable != nil {
		all = append(all, b.Durable)
	}
	if b.Local != nil {
		all = append(all, b.Local.folder)
	}
	return all
}

// Deliver gives the event of a letter to its handlers, and calls done when they are
// through with it, with what failed. Its own error is that it was not given to any.
type Deliver func(ctx context.Context, l *Letter, e *wire.Envelope, done func(error)) error

// Stats counts the letters. now is the present time, in nanoseconds since 1970.
func (b *Box) Stats(now int64) (s stats.Letters) {
	for _, l := range b.folders() {
		s.Count += l.Len()
		if oldest := l.Oldest(); !oldest.IsZero() {
			s.Oldest = max(s.Oldest, clock.Since(now, oldest))
		}
	}
	return s
}

// Summaries lists the letters, the longest kept first. The error tells of letters that
// cannot be read; the others are listed nevertheless.
func (b *Box) Summaries() ([]stats.Letter, error) {
	var list []stats.Letter
	var errs []error
	for _, l := range b.folders() {
		summaries, err := l.List()
		errs = append(errs, err)
		for _, s := range summaries {
			list = append(list, s.shown())
		}
	}
	slices.SortStableFunc(list, func(a, b stats.Letter) int { return a.At.Compare(b.At) })
	return list, errors.Join(errs...)
}

// shown is a letter as operators see it, without its payload.
func (s Summary) shown() stats.Letter {
	return stats.Letter{Key: string(s.Key), Event: s.ID, Type: s.Subject, Root: s.Root, Path: s.Path, EventKey: s.EventKey,
		Handler: s.Handler, Peer: s.Peer, Tries: s.Tries, Error: s.Error, At: s.At}
}

// Show returns a letter with its payload. Errors: ErrNotFound, or that its file is
// damaged.
func (b *Box) Show(key string) (stats.Letter, error) {
	l, err := b.get(key)
	if err != nil {
		return stats.Letter{}, err
	}
	letter := l.summary().shown()
	var e wire.Envelope
	if err := wire.DecodeStored(l.Message, &e); err == nil { // else nobody can tell the payload
		letter.Payload = e.Payload
	}
	return letter, nil
}

func (b *Box) get(key string) (Letter, error) {
	for _, l := range b.folders() {
		if letter, err := l.Get(Key(key)); !errors.Is(err, ErrNotFound) {
			return letter, err
		}
	}
	return Letter{}, fmt.Errorf("letter %.80q: %w", key, ErrNotFound)
}

// Remove deletes a letter for good. Errors: ErrNotFound, ErrClosed.
func (b *Box) Remove(key string) error {
	for _, l := range b.folders() {
		if err := l.Drop(Key(key)); !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return fmt.Errorf("letter %.80q: %w", key, ErrNotFound)
}

// Replay gives a letter's event to its handlers once more, and waits until they are done
// or ctx ends; then it goes on by itself. A letter that was handled is gone. Errors:
// ErrInUse, those of Get, and why the event was not handled.
func (b *Box) Replay(ctx context.Context, key string, deliver Deliver) error {
	from, l, err := b.borrow(Key(key))
	if err != nil {
		return err
	}
	settled := make(chan error, 1)
	done := func(err error) {
		if err == nil {
			err = from.Drop(l.Key())
		}
		if errors.Is(err, ErrNotFound) {
			err = nil // somebody dropped it meanwhile
		}
		from.giveBack(l.Key())
		settled <- err
	}
	var e wire.Envelope
	if err = wire.DecodeStored(l.Message, &e); err == nil {
		err = deliver(ctx, &l, &e, done)
	}
	if err != nil {
		from.giveBack(l.Key())
		return err
	}
	select {
	case err := <-settled:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the event is still being handled: %w", clock.EndOf(ctx))
	}
}

// borrow gives a letter and the folder that it is borrowed from.
func (b *Box) borrow(key Key) (from *Letters, l Letter, err error) {
	for _, from = range b.folders() {
		if l, err = from.borrow(key); !errors.Is(err, ErrNotFound) {
			return from, l, err
		}
	}
	return nil, Letter{}, fmt.Errorf("letter %.80q: %w", key, ErrNotFound)
}
