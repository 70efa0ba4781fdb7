package peering

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/health"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/stats"
)

// Problems are what is wrong with the node's peers now: imports that are not connected, no link to
// the hub, and clocks that are further from this node's than apart.
func (p *Peers) Problems(apart time.Duration) []health.Problem {
	return slices.Concat(p.missing(), hubProblems(p.hub), clockProblems(p.List(), p.Inlets, apart))
}

// missing is what keeps the imports from being connected.
func (p *Peers) missing() (problems []health.Problem) {
	for _, m := range p.Inlets.Missing() {
		is := stats.Problem{About: stats.AboutImport, Peer: m.Exporter, Type: m.Type, Final: m.Final}
		switch {
		case m.Type == "":
			is.About = stats.AboutLink
			is.Cause = p.causeOf(m.Exporter)
		case errors.Is(m.Err, inlet.ErrOtherWire):
			is.About = stats.AboutWire
		}
		problems = append(problems, health.NewProblem(is, m.Err))
	}
	return problems
}

// causeOf is why the link to an exporter is down.
func (p *Peers) causeOf(exporter string) stats.Cause {
	line := p.lines.exporter(exporter)
	if line == nil { // it is reached by the hub
		line = p.hub
		if _, up := line.Link(); up {
			return stats.Unknown
		}
	}
	cause, _ := line.Down()
	return cause
}

// hubProblems says that the node has no link to its hub: whoever is to be reached there is not.
func hubProblems(hub *leaf.Line) []health.Problem {
	if hub == nil { // there is to be none
		return nil
	}
	if _, up := hub.Link(); up {
		return nil
	}
	cause, why := hub.Down()
	is := stats.Problem{About: stats.AboutLink, Peer: leaf.HubName, Cause: cause}
	return []health.Problem{health.NewProblem(is, fmt.Errorf("link to the hub: not connected (last: %s)", cmp.Or(why, string(cause))))}
}

// clockProblems names the exporters whose clock is far from this node's.
func clockProblems(peers []config.Peer, from *inlet.Set, limit time.Duration) (problems []health.Problem) {
	for _, peer := range peers {
		s, _ := from.Peer(peer.Name)
		if apart := s.Ahead.Abs() - s.AheadWithin; apart > limit {
			is := stats.Problem{About: stats.AboutClock, Peer: peer.Name}
			problems = append(problems, health.NewProblem(is,
				fmt.Errorf("the clocks of this node and %s are more than %v apart (alarms.clock): set them by one source", peer.Name, limit)))
		}
	}
	return problems
}
