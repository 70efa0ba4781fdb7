package inlet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/internal/wire"
)

// ErrNotExported means that a peer does not export to this node what it imports. Waiting does not help.
var ErrNotExported = errors.New("not exported")

var (
	errNotBound = errors.New("not connected yet")
	errLinkDown = errors.New("the link is down")
	errEnding   = errors.New("the exporter is ending")
	errSilent   = errors.New("the exporter has stopped answering")
	errNoAnswer = fmt.Errorf("%w: it does not answer a hello: upgrade it, if it is older than this node", ErrNotExported)
)

// state is how an import from one exporter is connected.
type state struct {
	bound bool
	err   error // why not
	final bool  // waiting would not help
}

// bind says that the exporter knows what this import takes.
func (i *inlet) bind() { i.present.Store(&state{bound: true}) }

// unbind says why the import is not connected. What is final waiting does not change.
func (i *inlet) unbind(why error, final bool) {
	i.present.Store(&state{err: fmt.Errorf("%s of %s from %s: %w", i.kind, i.of.Subject, i.exporter, why), final: final})
}

// welcome takes the exporter's answer, and reports whether it serves the import.
func (i *inlet) welcome(w *wire.WelcomeImport) bool {
	if w.Problem != "" {
		i.unbind(fmt.Errorf("%w: %s", ErrNotExported, w.Problem), true)
		return false
	}
	return true
}

// ready waits until the import is connected.
func (i *inlet) ready(ctx context.Context) error {
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		state := i.present.Load()
		if state.bound || state.final {
			return state.err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", state.err, context.Cause(ctx))
		}
	}
}

// lookAgain is how often somebody looks who waits for an import.
const lookAgain = 20 * time.Millisecond
