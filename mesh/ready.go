package mesh

import (
	"context"
	"fmt"
	"sync"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
)

// Ready waits until every declared import is connected, and until the exporter
// itself has said that it sees this node's interest. From then on events that
// the exporter emits reach this node while the link lives. It returns an error
// that names what is missing when ctx ends, and at once when a peer does not
// export what this node imports.
func (n *Node) Ready(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var peers sync.WaitGroup
	for peer, subjects := range n.wanted() {
		peers.Go(func() {
			if err := n.leaf.Ready(ctx, peer, subjects); err != nil {
				cancel(fmt.Errorf("mesh: node %s is not ready: %w", n.name, err)) // the first one counts
			}
		})
	}
	for _, d := range n.durables {
		peers.Go(func() {
			if err := d.ready(ctx); err != nil {
				cancel(fmt.Errorf("mesh: node %s is not ready: %w", n.name, err))
			}
		})
	}
	peers.Wait()
	return context.Cause(ctx)
}

// wanted lists the wire subjects that this node hears of the peers it is to be linked
// to; none of a peer that it only takes events from the outbox of.
func (n *Node) wanted() map[string][]string {
	wanted := map[string][]string{}
	for _, r := range n.remotes() {
		wanted[r.Name] = nil
		for _, i := range n.config.Imports {
			if !i.Durable && config.OwnerOf(i.Event) == config.ServiceOf(r.Name) {
				wanted[r.Name] = append(wanted[r.Name], i.Event+".*")
			}
		}
	}
	return wanted
}

// remotes are the peers that this node dials: those of a service whose events
// it imports. From each it takes that service's events and no other's.
func (n *Node) remotes() (remotes []leaf.Remote) {
	for _, p := range n.config.Peers {
		if p.URL == "" {
			continue
		}
		needed, deny := false, []string{}
		for _, i := range n.config.Imports {
			if owner := config.OwnerOf(i.Event); owner == config.ServiceOf(p.Name) {
				needed = true
			} else {
				deny = append(deny, i.Event+".*")
			}
		}
		if needed {
			remotes = append(remotes, leaf.Remote{Name: p.Name, URL: p.URL, Deny: deny})
		}
	}
	return remotes
}
