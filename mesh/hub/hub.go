// Package hub writes the configuration of a hub: of a stock nats-server, or of each server of a
// cluster, where the nodes of a mesh meet that have no direct link.
//
// Give [Nodes] the configurations of all nodes, and write what [Hub.Render] returns to the file that
// nats-server is started with. When a node comes or goes, write it again and let nats-server reload
// it: no node starts anew.
//
// # Guarantees
//
//   - A node may publish and hear only what it says to the exporters that it imports from, and what
//     they say to it, by name; and the same with those who import from it. So it reads nothing that
//     is not for it, and speaks in no other's name.
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
	// Key is the public nkey of its hub seed.
	Key string
}

// user is what a node may do at the hub.
type user struct {
	name, key          string
	publish, subscribe []string
}

// Hub is what a hub has to know of the nodes.
type Hub struct {
	users      []user
	maxPayload int
}

// Nodes finds who speaks with whom by the hub. Nodes without a hub are left out. Errors, all at once:
// an import that no node exports by the hub to that one, two nodes with one name or key.
func Nodes(nodes []Node) (*Hub, error) {
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n Node) bool { return n.Config.Hub == nil })
	h, users := &Hub{}, map[string]*user{}
	var problems []error
	keys := map[string]string{}
	for _, n := range nodes {
		name := n.Config.Name
		if users[name] != nil {
			problems = append(problems, fmt.Errorf("two nodes are named %s", name))
		}
		if other, twice := keys[n.Key]; twice {
			problems = append(problems, fmt.Errorf("%s has the hub seed of %s: give each node its own", name, other))
		}
		keys[n.Key], users[name] = name, &user{name: name, key: n.Key}
		h.maxPayload = max(h.maxPayload, int(n.Config.MaxPayload)+leaf.HeaderRoom)
	}
	for _, importer := range nodes {
		for _, i := range importer.Config.Imports {
			exporters := exportersOf(i.Event, importer.Config, nodes)
			if len(exporters) == 0 && !direct(i.Event, importer.Config) {
				problems = append(problems, fmt.Errorf("%s imports %s, and no node that is given exports it to %s by the hub: give that node's file too, and name %s with may_import among its peers",
					importer.Config.Name, i.Event, importer.Config.Name, importer.Config.Name))
			}
			for _, exporter := range exporters {
				users[importer.Config.Name].meet(users[exporter])
			}
		}
	}
	if len(users) == 0 {
		problems = append(problems, errors.New("no node has a hub: set hub in the nodes' files"))
	}
	for _, u := range users {
		h.users = append(h.users, *u)
	}
	slices.SortFunc(h.users, func(a, b user) int { return strings.Compare(a.name, b.name) })
	return h, errors.Join(problems...)
}

// direct reports whether a node has a peer with a URL that may export the type.
func direct(event string, importer config.Node) bool {
	return slices.ContainsFunc(importer.Peers, func(p config.Peer) bool { return p.URL != "" && config.ServiceOf(p.Name) == config.OwnerOf(event) })
}

// exportersOf names the nodes that export a type by the hub to a node.
func exportersOf(event string, importer config.Node, nodes []Node) (names []string) {
	for _, p := range importer.Peers {
		if !importer.ByHub(p) || config.ServiceOf(p.Name) != config.OwnerOf(event) {
			continue
		}
		at := slices.IndexFunc(nodes, func(n Node) bool { return n.Config.Name == p.Name })
		if at >= 0 && nodes[at].Config.Export(event) != nil && slices.ContainsFunc(nodes[at].Config.Peers, func(reader config.Peer) bool {
			return reader.Name == importer.Name && reader.MayImport.Includes(event)
		}) {
			names = append(names, p.Name)
		}
	}
	return names
}

// meet lets an importer speak with an exporter.
func (importer *user) meet(exporter *user) {
	from, to := leaf.FromReader(importer.name, exporter.name), leaf.ToReader(importer.name, exporter.name)
	importer.publish, importer.subscribe = with(importer.publish, from), with(importer.subscribe, to, to+".>")
	exporter.publish, exporter.subscribe = with(exporter.publish, to, to+".>"), with(exporter.subscribe, from)
}

// with adds what is not there yet.
func with(subjects []string, more ...string) []string {
	for _, subject := range more {
		if !slices.Contains(subjects, subject) {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}
