package storage

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/letters"
)

// maxLetters bounds the durable dead letters of a node. Past it events that are given up stay in
// the outbox they came from, and come again.
const maxLetters = 10_000

// What bounds the letters of events that come from no outbox. Past it the oldest go. The bytes
// leave most of a disk to the outbox.
const (
	maxLocalLetters = 10_000
	maxLocalBytes   = 256 << 20
)

// Storage is what a node keeps. It is empty if nothing of the node is durable and it does not keep
// all letters.
type Storage struct {
	Letters   letters.Box
	Bookmarks *inlet.Bookmarks
	// Lost is told of each letter of an event from no outbox that is not kept: see
	// letters.OpenLocal. It is set before Open.
	Lost func(subject, handler string, why error)
	// Log is told of a database that cannot be marked. It is set before Open.
	Log  *slog.Logger
	lock *lock
	pair *pair // nil: the node has no State
}

// Open opens what belongs to a node, and sees to it that the directory of its outbox, if it has
// one, is still there, and the database of its state no older copy. It comes before all else that a
// node opens. After an error Close must be called all the same.
func (s *Storage) Open(ctx context.Context, c config.Node, outbox string) (err error) {
	if !c.IsDurable() {
		return nil
	}
	data := string(c.Data)
	if s.lock, err = take(data, c.Name, config.ServiceOf(c.Name)); err != nil {
		return err
	}
	if len(c.DurableExports()) > 0 {
		if err := checkOutbox(data, outbox); err != nil {
			return err
		}
	}
	if s.Letters.Durable, err = letters.Open(filepath.Join(data, "letters"), maxLetters); err != nil {
		return err
	}
	if c.Letters == config.AllLetters {
		if s.Letters.Local, err = letters.OpenLocal(filepath.Join(data, "local-letters"), maxLocalLetters, maxLocalBytes, s.Lost); err != nil {
			return err
		}
	}
	if s.Bookmarks, err = inlet.OpenBookmarks(filepath.Join(data, "bookmark")); err != nil {
		return err
	}
	if c.State != nil {
		s.pair, err = openPair(ctx, c, s.Bookmarks, s.Log)
	}
	return err
}

// Close ends what Open began, once no handler runs any more.
func (s *Storage) Close() error {
	var errs []error
	if s.Bookmarks != nil {
		errs = append(errs, s.Bookmarks.Save())
	}
	s.Letters.Local.Close()
	if s.Letters.Durable != nil {
		s.Letters.Durable.Close() // a handler that is stuck may give an event up when the directory is another's
	}
	return errors.Join(append(errs, s.pair.close(), s.lock.release())...)
}
