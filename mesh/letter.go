package mesh

import (
	"context"
	"fmt"

	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Letters lists the dead letters that are kept, the longest kept first: those of durable imports,
// and of all other events if Config.Letters is AllLetters. The error tells of letters that cannot
// be read; the others are listed nevertheless.
func (n *Node) Letters() ([]stats.Letter, error) { return n.storage.Letters.Summaries() }

// Letter returns a letter with its payload. Errors: ErrNoLetter, or that its file is damaged.
func (n *Node) Letter(key string) (stats.Letter, error) {
	l, err := n.storage.Letters.Show(key)
	if err != nil {
		return l, fmt.Errorf("mesh: letter of node %s: %w", n.name, err)
	}
	return l, nil
}

// DropLetter deletes a letter for good. Error: ErrNoLetter, or that the node is closed.
func (n *Node) DropLetter(key string) error {
	if err := n.storage.Letters.Remove(key); err != nil {
		return fmt.Errorf("mesh: drop a letter of node %s: %w", n.name, err)
	}
	return nil
}

// ReplayLetter gives a letter's event to its handler once more, with the handler's own tries, and
// waits until it is done or ctx ends; then it goes on by itself. A letter that was handled is gone;
// one that failed again stays, and the error says why. The rules of the import are not asked; the
// cascade goes on where it was; the time that the letter lay is not the cascade's.
func (n *Node) ReplayLetter(ctx context.Context, key string) error {
	if err := n.storage.Letters.Replay(ctx, key, n.redeliver); err != nil {
		return fmt.Errorf("mesh: replay letter %.80s of node %s: %w", key, n.name, err)
	}
	return nil
}

// redeliver delivers a letter's event: see letters.Deliver.
func (f *flow) redeliver(ctx context.Context, l *letters.Letter, e *wire.Envelope, done func(error)) error {
	h := inlet.HeaderOf(e, f.paths.imported)
	targets, err := f.redeliverTo(l)
	if err != nil {
		return err
	}
	settle := func(s delivery.Settlement) { done(delivery.JoinFailures(s.Failures)) }
	over := delivery.NewHandover(true, nil, settle)
	over.Again = true // whoever replays the letter is told
	return targets.Deliver(ctx, &h, e.Payload, delivery.MayWait, over)
}

// redeliverTo are the handlers that a letter is for: the one that gave it up, or all of the type if
// it came to none.
func (f *flow) redeliverTo(l *letters.Letter) (targets delivery.Targets, err error) {
	t, err := f.typeOf(l.Subject)
	if err != nil {
		return targets, err
	}
	var takers []*delivery.Taker
	for _, taker := range t.handlers.Takers {
		if l.Handler == string(steps.Import) || taker.Place.Handler == l.Handler {
			takers = append(takers, taker)
		}
	}
	if len(takers) == 0 {
		return targets, fmt.Errorf("no handler %s takes %s here", l.Handler, l.Subject)
	}
	return delivery.NewTargets(takers), nil
}
