package inlet

import (
	"errors"
	"fmt"

	"leafmesh/mesh/internal/wire"
)

// ErrNotExported means that a peer does not export to this node what it imports. Waiting does not
// help.
var ErrNotExported = errors.New("not exported")

var (
	errNotBound = errors.New("not connected yet")
	errLinkDown = errors.New("the link is down")
	errRemoved  = errors.New("the exporter was removed from the peers")
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
		i.Log.Warn("an import gets nothing", "peer", i.exporter, "type", i.of.Subject, "error", i.present.Load().err)
		return false
	}
	return true
}

// Missing is what keeps imports from being connected.
type Missing struct {
	Exporter string
	Type     string // empty: the link is down, and so all imports from the exporter wait
	Err      error
	Final    bool // waiting does not help
}

// Missing lists what keeps the imports from being connected now. The nil Set misses nothing.
func (s *Set) Missing() (all []Missing) {
	if s == nil {
		return nil
	}
	for _, t := range s.exchange.Load().talks {
		if !t.away.Load() {
			all = append(all, t.missing()...)
		}
	}
	return all
}

// missing is one entry if the link is down, else one for each import.
func (t *talk) missing() (all []Missing) {
	_, up := t.to().Link()
	for _, i := range t.all() {
		if i.left.Load() {
			continue
		}
		switch present := i.present.Load(); {
		case present.bound && up:
		case !up && !present.final:
			return []Missing{{Exporter: t.exporter, Err: t.notLinked()}}
		case !present.bound:
			all = append(all, Missing{Exporter: t.exporter, Type: i.of.Subject, Err: present.err, Final: present.final})
		}
	}
	return all
}

// notLinked says that the link is down, and what is known of why.
func (t *talk) notLinked() error {
	url := ""
	for _, p := range t.Peers() {
		if p.Name == t.exporter {
			url = p.URL
		}
	}
	if trouble := t.to().Trouble(); trouble != "" {
		return fmt.Errorf("link to %s (%s): not connected (last: %s)", t.exporter, url, trouble)
	}
	return fmt.Errorf("link to %s (%s): not connected", t.exporter, url)
}
