package checkup

import (
	"errors"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
)

// Node is what one node answered.
type Node struct {
	Name string
	// Err says why there is no more; nil if there is.
	Err   error
	Stats stats.Stats
	Graph graph.Graph
	// Health is nil of a node that does not say.
	Health *stats.NodeHealth
	// Cuts are the places that somebody cut; CutsUnknown says why they are not known, or "".
	Cuts        []stats.Place
	CutsUnknown string
	// Damaged says what of its kept cascades it cannot read, or "".
	Damaged string
	// Clock is by how much its clock is ahead of the one that asks, ClockWithin how far off that
	// may be.
	Clock, ClockWithin time.Duration
}

// Mesh judges the nodes of a mesh. named are those of which files tell that they exist, whether or
// not they were asked.
func Mesh(all []Node, named ...string) []Check {
	var there []Node
	for _, n := range all {
		if n.Err == nil {
			there = append(there, n)
		}
	}
	missing := missingOf(all, there, named)
	checks := []Check{
		reached(all), ready(there), versions(there), clocks(there), doubles(there), links(there), cuts(there), backlog(there), letters(there),
		exports(there, missing), imports(there, missing), payloads(there), losses(there), handlers(there), rules(there), recorders(there),
	}
	if missing == "" {
		return checks
	}
	if len(checks[0].Findings) == 0 {
		checks[0].Skipped = missing + " was not asked"
	}
	for i := range checks[1:] { // who did not answer may have what those there have not
		if c := &checks[i+1]; c.Skipped == "" {
			c.Skipped = missing + " did not answer"
		}
	}
	return checks
}

// missingOf names a node that exists and did not answer; "" if all are there.
func missingOf(all, there []Node, named []string) string {
	known := map[string]bool{}
	for _, n := range there {
		known[n.Name] = true
	}
	for _, n := range all {
		if !known[n.Name] {
			return n.Name
		}
	}
	for _, n := range there {
		for _, l := range n.Stats.Links {
			if !known[l.Peer] {
				return l.Peer
			}
		}
	}
	for _, name := range named {
		if !known[name] {
			return name
		}
	}
	return ""
}

func reached(all []Node) Check {
	return checked("nodes", "all nodes answer", func(c *Check) {
		for _, n := range all {
			remedy := "look whether it runs, and whether its tap is where its file says"
			if errors.Is(n.Err, nodes.ErrSilent) {
				remedy = "look whether it runs, and at meshctl links"
			}
			if _, ok := errors.AsType[*nodes.Unusable](n.Err); ok {
				remedy = "correct what names its tap: meshctl check for its file, meshctl context list for a context"
			}
			if n.Err != nil {
				c.find(remedy, "%s: %v", n.Name, n.Err)
			}
		}
	})
}

func ready(there []Node) Check {
	return checked("ready", "all nodes are ready", func(c *Check) {
		told := 0
		for _, n := range there {
			if n.Health == nil {
				continue
			}
			told++
			remedy, found := "the problem names what is missing; the log of "+n.Name+" has more", false
			for _, p := range n.Health.Problems {
				switch {
				case n.Health.Ready:
					c.note(remedy, "%s is ready, and says: %s", n.Name, p)
				default:
					found = true
					c.find(remedy, "%s: %s", n.Name, p)
				}
			}
			if !n.Health.Ready && !found {
				c.find("look at the log of "+n.Name, "%s is not ready", n.Name)
			}
		}
		if told < len(there) {
			c.Skipped = "not all nodes say so: they run an older version"
		}
	})
}

func versions(there []Node) Check {
	return checked("versions", "all nodes run one version", func(c *Check) {
		var first *Node
		for i, n := range there {
			switch {
			case n.Health == nil:
				c.Skipped = "not all nodes say so: they run an older version"
			case first == nil:
				first = &there[i]
			case n.Health.Wire != first.Health.Wire:
				c.find("upgrade exporters before their readers: docs/wire.md", "%s speaks version %d on its links, and %s version %d", n.Name, n.Health.Wire, first.Name, first.Health.Wire)
			case n.Health.Version != first.Health.Version:
				c.find("give all nodes the same version", "%s runs %s, and %s runs %s", n.Name, n.Health.Version, first.Name, first.Health.Version)
			}
		}
	})
}

// apart is how far clocks may be apart: people compare logs by them, nothing else does.
const apart = 500 * time.Millisecond

func clocks(there []Node) Check {
	return checked("clocks", "the clocks of all nodes agree", func(c *Check) {
		for i, n := range there {
			for _, other := range there[:i] {
				if d := n.Clock - other.Clock; d.Abs()-n.ClockWithin-other.ClockWithin > apart {
					c.find("let NTP set the clocks of both machines: the times of logs and of meshctl why cannot be compared", "the clock of %s is %v off that of %s", n.Name, d.Round(time.Millisecond), other.Name)
				}
			}
		}
	})
}

// lately is how long ago a link may have been taken over by somebody who is there still: they take
// turns every few seconds.
const lately = 5 * time.Minute

func doubles(there []Node) Check {
	return checked("doubles", "no two processes have one name and key", func(c *Check) {
		for _, n := range there {
			for _, l := range n.Stats.Links {
				at := l.TwoAsOne
				if at.IsZero() || time.Unix(0, n.Stats.At).Sub(at) > lately {
					continue
				}
				c.find("end one of them, or give it a name and a key of its own (meshctl key): their links replace each other, and events are lost with each",
					"%s: another process with its name and key took over its link with %s at %s", n.Name, l.Peer, at.UTC().Format(time.DateTime))
			}
		}
	})
}

func links(there []Node) Check {
	return checked("links", "all links are up", func(c *Check) {
		var all []stats.Stats
		for _, n := range there {
			all = append(all, n.Stats)
		}
		for _, s := range all {
			for _, l := range s.Links {
				switch stats.StatusOf(s.Node, l, all) {
				case stats.LinkDown:
					when := ""
					if text := SinceWhen(l); text != "" {
						when = ": " + text
					}
					c.find("meshctl links says what is known of why", "%s: its link with %s (%s) is down%s", s.Node, l.Peer, l.Direction, when)
				case stats.LinkUnknown:
					c.Skipped = l.Peer + " has not dialed " + s.Node + ", and did not answer whether it imports anything from there"
				}
			}
		}
	})
}
