package outbox

import (
	"fmt"
	"math"
	"slices"

	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/release"
	"leafmesh/mesh/internal/wire"
)

// hello lets a reader take what it asks for, as far as it may, and tells it. A reader that begins
// anew, or over another link, has nothing under way of what it had before: it may not have arrived.
func (l *library) hello(r *reader, said *wire.Hello, others []wire.WelcomeImport, now int64) {
	if !r.present || r.nonce != said.Nonce || r.link != said.Link {
		l.leave(r, now)
		r.linked = now
	}
	r.present, r.nonce, r.link = true, said.Nonce, said.Link
	l.here[r.name] = r
	most := l.outbox.config.MaxPayload
	r.setLimit(int(min(said.MaxPayload, uint64(most))))
	welcome := &wire.Welcome{Nonce: said.Nonce, Exporter: l.outbox.config.Node, MaxPayload: uint64(most), Imports: others,
		Release: release.Version(), Time: l.outbox.config.Clock.True()}
	former := r.shelves
	r.shelves = nil
	for _, i := range said.Imports {
		answer := wire.WelcomeImport{Type: i.Type, Problem: l.problem(r, said, i)}
		if answer.Problem != "" {
			l.log.Warn("a reader does not get what it imports", "peer", r.name, "type", fmt.Sprintf("%.100s", i.Type), "error", answer.Problem)
		} else {
			s := l.shelf(i.Type, r.keptAs(i))
			s.Join(r.name, terms(said, i), now)
			if i.Stream == l.outbox.identity {
				s.recall(r, i.Handled, now)
			}
			l.changed = l.changed || !s.came
			s.came = true
			r.shelves = append(r.shelves, s)
			answer.Stream, answer.Last = l.outbox.identity, l.last(s)
		}
		welcome.Imports = append(welcome.Imports, answer)
	}
	for _, s := range former {
		if !slices.Contains(r.shelves, s) {
			s.Leave(r.name, now)
		}
	}
	r.tell(welcome)
	if l.ending {
		r.tell(&wire.Goodbye{Nonce: r.nonce})
	}
}

// problem says why a reader does not get what it asks for, with the remedy; "" if it does.
func (l *library) problem(r *reader, said *wire.Hello, i wire.HelloImport) string {
	node := l.outbox.config.Node
	switch {
	case l.shelf(i.Type, r.keptAs(i)) != nil:
	case i.Each && l.shelf(i.Type, r.service) != nil:
		return fmt.Sprintf("%s keeps %.100s for service %s as a whole: name %s and its other instances in kept_for there instead, or import it without delivery: each",
			node, i.Type, r.service, r.name)
	case !i.Each && l.shelf(i.Type, r.name) != nil:
		return fmt.Sprintf("%s keeps %.100s for instance %s alone: import it with delivery: each, or name service %s in kept_for there instead",
			node, i.Type, r.name, r.service)
	default:
		return fmt.Sprintf("%s does not keep %.100s for %s: name it in kept_for of that export there", node, i.Type, r.keptAs(i))
	}
	switch {
	case said.MaxPayload < leastPayload:
		return fmt.Sprintf("max_payload of %s is %d bytes: raise it to %d or more", r.name, said.MaxPayload, leastPayload)
	case i.Ordered > uint64(handout.Strict):
		return fmt.Sprintf("%s asks for an order, %d, that %s does not know: upgrade %s", r.name, i.Ordered, node, node)
	case !handlersFit(i.Handlers):
		return fmt.Sprintf("%s has more than %d handlers of %s, or names of more than %d bytes: use fewer or shorter ones",
			r.name, wire.MaxTalkHandlers, i.Type, maxHandlerName)
	}
	return ""
}

func terms(said *wire.Hello, i wire.HelloImport) handout.Terms {
	return handout.Terms{
		Events:     int(min(i.Events, math.MaxInt32)), // the shelf has a bound of its own
		Bytes:      int(min(i.Bytes, maxCreditBytes)),
		Ordered:    handout.Order(i.Ordered),
		Handlers:   i.Handlers,
		MaxPayload: int(min(said.MaxPayload, maxCreditBytes)),
	}
}

// last is a number that the stream has reached. None that the shelf gave out lies above it.
func (l *library) last(s *shelf) uint64 {
	return max(lastNumber(l.outbox.Stats().Last), s.tail.newest(), s.Known())
}
