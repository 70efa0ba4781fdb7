package letters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// ErrInUse says that the letter is being replayed.
var ErrInUse = errors.New("mesh: the letter is being replayed")

// Box is a node's letters, as its operators see them. A Box without letters has none.
type Box struct {
	*Letters           // of durable imports; nil if nothing is durable
	Local     *Local   // of all other events; nil if they are not kept
	replaying sync.Map // keys of the letters that are
}

// folders are those that there are.
func (b *Box) folders() (all []*Letters) {
	if b.Letters != nil {
		all = append(all, b.Letters)
	}
	if b.Local != nil {
		all = append(all, b.Local.Letters)
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
	if _, busy := b.replaying.LoadOrStore(key, true); busy {
		return ErrInUse
	}
	settled := make(chan error, 1)
	done := func(err error) {
		if err == nil {
			err = b.Remove(key)
		}
		b.replaying.Delete(key)
		settled <- err
	}
	if err := b.replay(ctx, key, deliver, done); err != nil {
		b.replaying.Delete(key)
		return err
	}
	select {
	case err := <-settled:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the event is still being handled: %w", clock.EndOf(ctx))
	}
}

func (b *Box) replay(ctx context.Context, key string, deliver Deliver, done func(error)) error {
	l, err := b.get(key) // once it is marked: another replay may just have ended with it
	if err != nil {
		return err
	}
	var e wire.Envelope
	if err := wire.DecodeStored(l.Message, &e); err != nil {
		return err
	}
	return deliver(ctx, &l, &e, done)
}
