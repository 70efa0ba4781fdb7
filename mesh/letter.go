package mesh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/wire"
)

// Letter is a durable dead letter: an event of a durable import that a handler of
// this node gave up for good. It is kept in the node's data directory until it is
// replayed or dropped.
type Letter struct {
	// Key names the letter on its node.
	Key string `json:"key"`
	// Event is the event's id; of one that could not be decoded, a hash.
	Event ID     `json:"event"`
	Type  string `json:"type"`
	// Handler is the handler that gave it up; "import" if it came to none.
	Handler string    `json:"handler"`
	Peer    string    `json:"peer"`  // whose outbox it came from
	Tries   int       `json:"tries"` // how often it was delivered
	Error   string    `json:"error"` // of the last time
	At      time.Time `json:"at"`    // when it was given up
	// Payload is the event's value as CBOR. Letters leaves it out.
	Payload []byte `json:"payload,omitempty"`
}

// Errors of letters.
var (
	// ErrNoLetter: the node has no letter of that key.
	ErrNoLetter = letters.ErrNotFound
	// ErrLetterInUse: the letter is being replayed.
	ErrLetterInUse = errors.New("mesh: the letter is being replayed")
)

// Letters lists the durable dead letters, the longest kept first. The error tells
// of letters that can not be read; the others are listed nevertheless.
func (n *Node) Letters() ([]Letter, error) {
	if n.letters == nil {
		return nil, nil
	}
	summaries, err := n.letters.List()
	list := make([]Letter, len(summaries))
	for i, s := range summaries {
		list[i] = Letter{Key: string(s.Key), Event: s.ID, Type: s.Subject, Handler: s.Handler, Peer: s.Peer, Tries: s.Tries, Error: s.Error, At: s.At}
	}
	return list, err
}

// Letter gives a letter with its payload. Errors: ErrNoLetter, or that its file is
// damaged.
func (n *Node) Letter(key string) (Letter, error) {
	l, err := n.letter(key)
	if err != nil {
		return Letter{}, err
	}
	letter := Letter{Key: key, Event: l.ID, Type: l.Subject, Handler: l.Handler, Peer: l.Peer, Tries: l.Tries, Error: l.Error, At: l.At}
	var e wire.Envelope
	if err := wire.DecodeEnvelope(l.Message, &e); err == nil { // else nobody can tell the payload
		letter.Payload = e.Payload
	}
	return letter, nil
}

func (n *Node) letter(key string) (letters.Letter, error) {
	if n.letters == nil {
		return letters.Letter{}, fmt.Errorf("mesh: letter %.80q of node %s: %w", key, n.name, ErrNoLetter)
	}
	l, err := n.letters.Get(letters.Key(key))
	if err != nil {
		return letters.Letter{}, fmt.Errorf("mesh: letter of node %s: %w", n.name, err)
	}
	return l, nil
}

// DropLetter deletes a letter for good. Error: ErrNoLetter, or that the node is closed.
func (n *Node) DropLetter(key string) error {
	if n.letters == nil {
		return fmt.Errorf("mesh: letter %.80q of node %s: %w", key, n.name, ErrNoLetter)
	}
	if err := n.letters.Drop(letters.Key(key)); err != nil {
		return fmt.Errorf("mesh: letter of node %s: %w", n.name, err)
	}
	return nil
}

// ReplayLetter gives a letter's event to its handler once more, with the handler's
// own tries, and waits until it is done or ctx ends; then it goes on by itself. A letter
// that was handled is gone; one that failed again stays, and the error says why. The rules of the
// import are not asked; the cascade goes on where it was, and its deadline does
// not count the time that the letter lay.
func (n *Node) ReplayLetter(ctx context.Context, key string) error {
	if _, busy := n.replaying.LoadOrStore(key, true); busy {
		return fmt.Errorf("mesh: replay letter %.80q of node %s: %w", key, n.name, ErrLetterInUse)
	}
	l, err := n.letter(key) // after that: another replay may just have ended with it
	if err != nil {
		n.replaying.Delete(key)
		return err
	}
	settled := make(chan error, 1)
	if err := n.replay(ctx, &l, func(err error) {
		if err == nil {
			err = n.DropLetter(key)
		}
		n.replaying.Delete(key)
		settled <- err
	}); err != nil {
		n.replaying.Delete(key)
		return fmt.Errorf("mesh: replay letter %s of node %s: %w", key, n.name, err)
	}
	select {
	case err = <-settled:
	case <-ctx.Done():
		err = endOf(ctx)
	}
	if err != nil {
		return fmt.Errorf("mesh: replay letter %s of node %s: %w", key, n.name, err)
	}
	return nil
}

// replay delivers a letter's event. done is called when its handlers are through.
func (n *Node) replay(ctx context.Context, l *letters.Letter, done func(error)) error {
	var e wire.Envelope
	if err := wire.DecodeEnvelope(l.Message, &e); err != nil {
		return err
	}
	h := n.headerOf(&e, n.imported)
	now := n.clock.now()
	h.AddWait(now - h.At())
	targets, err := n.replayTargets(l)
	if err != nil {
		return err
	}
	return n.deliverTo(ctx, targets, &h, e.Payload, false, &handover{taken: now, open: len(targets), last: true, settle: func(failures []failure) {
		var errs []error
		for _, f := range failures {
			errs = append(errs, fmt.Errorf("%s: %w", f.place, f.err))
		}
		done(errors.Join(errs...))
	}})
}

// replayTargets are the handlers that a letter is for: the one that gave it up, or
// all of the type if it came to none.
func (n *Node) replayTargets(l *letters.Letter) (targets []binding, err error) {
	t, err := n.typeOf(l.Subject)
	if err != nil {
		return nil, err
	}
	for _, b := range t.handlers {
		if l.Handler == "import" || b.counts().place == "handler "+l.Handler {
			targets = append(targets, b)
		}
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("no handler %s takes %s here", l.Handler, l.Subject)
	}
	return targets, nil
}
