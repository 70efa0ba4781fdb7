package cluster

import (
	"fmt"
	"strings"

	"leafmesh/mesh/stats"
)

// Flow is one event type on its way over one link.
type Flow struct {
	From, To string // nodes
	Type     string
	Exported uint64 // published by From, or put into its outbox
	Arrived  uint64 // taken in by To, or lost there under a name; if durable, acknowledged
}

// flows compares, for each import, what was sent with what arrived.
func (c *Cluster) flows(by map[string]stats.Stats) []Flow {
	var flows []Flow
	for _, to := range c.configs {
		for _, i := range to.Imports {
			for _, from := range c.configs {
				if service(from.Name) != owner(i.Event) {
					continue
				}
				flow := Flow{From: from.Name, To: to.Name, Type: i.Event,
					Exported: by[from.Name].Of(i.Event, stats.Exported), Arrived: arrived(by[to.Name], i.Event)}
				if i.Durable {
					flow.Exported, flow.Arrived = by[from.Name].Of(i.Event, stats.Stored), by[to.Name].Of(i.Event, stats.Acknowledged)
				}
				flows = append(flows, flow)
			}
		}
	}
	return flows
}

// arrived counts what came over the links, whatever became of it then.
func arrived(s stats.Stats, subject string) uint64 {
	n := s.Of(subject, stats.Imported)
	for _, c := range s.Counts {
		if c.Type != subject || c.Place != "import" {
			continue
		}
		switch c.Outcome {
		case stats.Lost, stats.Shed, stats.Refused:
			n += c.Count
		}
	}
	return n
}

// Losses names every event that was not delivered or not handled: node, type, place, rule and how many.
func (c *Cluster) Losses() []string {
	var losses []string
	for _, node := range c.Nodes {
		for _, n := range node.Stats().Counts {
			switch n.Outcome {
			case stats.Lost, stats.Shed, stats.Refused, stats.Failed:
				losses = append(losses, strings.TrimSpace(fmt.Sprintf("%s: %d × %s %s at %s %s", node.Name(), n.Count, n.Type, n.Outcome, n.Place, n.Rule)))
			}
		}
	}
	return losses
}

// owner is the service whose event a subject is.
func owner(subject string) string {
	name, _, _ := strings.Cut(subject, ".")
	return name
}

// service is the service that a node is an instance of: clue of clue-1.
func service(node string) string {
	if at := strings.LastIndexByte(node, '-'); at >= 0 {
		return node[:at]
	}
	return node
}
