// Package hub writes the configuration of a hub: of a stock nats-server, or of each server of a
// cluster, where the nodes of a mesh meet that have no direct link.
//
//	h, err := hub.Nodes(nodes)
//	_, err = file.WriteString(h.Render(hub.Server{Name: "hub-a", Listen: "0.0.0.0:7422"}))
//
// Give [Nodes] the configurations of all nodes, and write what [Hub.Render] returns to the file
// that nats-server is started with. When a node comes or goes, write it again. A reload of
// nats-server admits a node, and no other starts anew. It does not end the link of a node that was
// removed: take that one out of its peers' files first, and then restart the hub's servers one
// after the other.
//
// A hub that has JWT accounts, as a hosted NATS has, takes no such configuration: [Hub.Users]
// returns the commands that make the nodes' users there.
//
// # Guarantees
//
//   - A node may publish only in its own name, and hear only what is said to it. So it reads
//     nothing that is for others, and speaks in no other's name. Whom it hears, its own file says.
//   - What a node may do does not change when others come and go. A stock server keeps the
//     permissions of a link while it stands, whatever it reloads.
//   - A node's link has so many subscriptions at each server of the hub and no more, and a node
//     notes those of many such links: one that asks for more keeps nobody from hearing others.
//   - All nodes share one account. No JetStream subject crosses the hub.
//   - The hub opens no port for clients beyond loopback, and its users log in as leaf nodes alone.
package hub

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
)

// Node is a node as the hub knows it.
type Node struct {
	// Config is the node's, with its defaults.
	Config config.Node
	// Key is the public nkey of its hub seed. [Hub.Render] needs it, and [Hub.Users] does not.
	Key string
}

// user is a node at the hub.
type user struct{ name, key string }

// publish are the subjects that the node may speak on: in its own name, as a reader and as an
// exporter.
func (u user) publish() []string {
	return []string{leaf.FromReader(u.name, anybody), leaf.ToReader(anybody, u.name), leaf.ToReader(anybody, u.name) + ".>"}
}

// subscribe are the subjects that the node may hear: what is said to it.
func (u user) subscribe() []string {
	return []string{leaf.FromReader(anybody, u.name), leaf.ToReader(u.name, anybody), leaf.ToReader(u.name, anybody) + ".>"}
}

// anybody stands for the name of a node.
const anybody = "*"

// Hub is what a hub has to know of the nodes.
type Hub struct {
	users      []user
	maxPayload int
}

// Nodes finds who speaks with whom by the hub. Nodes without a hub are left out. Errors, all at
// once: an import that no node exports by the hub to that one, two nodes with one name or key.
func Nodes(nodes []Node) (*Hub, error) {
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n Node) bool { return n.Config.Hub == nil })
	h, users := &Hub{}, map[string]user{}
	var problems []error
	keys := map[string]string{}
	for _, n := range nodes {
		name := n.Config.Name
		if _, twice := users[name]; twice {
			problems = append(problems, fmt.Errorf("two nodes are named %s", name))
		}
		if other, twice := keys[n.Key]; twice && n.Key != "" {
			problems = append(problems, fmt.Errorf("%s has the hub seed of %s: give each node its own", name, other))
		}
		keys[n.Key], users[name] = name, user{name, n.Key}
		h.maxPayload = max(h.maxPayload, int(n.Config.MaxPayload)+leaf.HeaderRoom)
	}
	for _, importer := range nodes {
		for _, i := range importer.Config.Imports {
			if !exported(i.Event, importer.Config, nodes) && !direct(i.Event, importer.Config) {
				problems = append(problems, fmt.Errorf("%s imports %s, and no node that is given exports it to %s by the hub: give that node's file too, and name %s with may_import among its peers",
					importer.Config.Name, i.Event, importer.Config.Name, importer.Config.Name))
			}
		}
	}
	if len(users) == 0 {
		problems = append(problems, errors.New("no node has a hub: set hub in the nodes' files"))
	}
	for _, u := range users {
		h.users = append(h.users, u)
	}
	slices.SortFunc(h.users, func(a, b user) int { return strings.Compare(a.name, b.name) })
	return h, errors.Join(problems...)
}

// direct reports whether a node has a peer with a URL that may export the type.
func direct(event string, importer config.Node) bool {
	return slices.ContainsFunc(importer.Peers, func(p config.Peer) bool { return p.URL != "" && config.ServiceOf(p.Name) == config.OwnerOf(event) })
}

// exported reports whether a node exports a type by the hub to another one.
func exported(event string, importer config.Node, nodes []Node) bool {
	return slices.ContainsFunc(importer.Peers, func(p config.Peer) bool {
		if !importer.ByHub(p) || config.ServiceOf(p.Name) != config.OwnerOf(event) {
			return false
		}
		at := slices.IndexFunc(nodes, func(n Node) bool { return n.Config.Name == p.Name })
		return at >= 0 && nodes[at].Config.Export(event) != nil && slices.ContainsFunc(nodes[at].Config.Peers, func(reader config.Peer) bool {
			return reader.Name == importer.Name && reader.MayImport.Includes(event)
		})
	})
}
