package hub

import (
	"fmt"
	"strings"

	"leafmesh/mesh/internal/leaf"
)

// Server is one server of a hub.
type Server struct {
	// Name is unique in the cluster.
	Name string
	// Listen is the leaf port, host:port, which the nodes' hub URLs name.
	Listen string
	// Certificate and Key are PEM files, and Listen speaks TLS then. CA is who signed those of the
	// cluster's servers, which prove themselves to each other: needed with Cluster, and no password
	// is.
	Certificate, Key, CA string
	// Cluster is host:port where the cluster's other servers connect; "" for a single server.
	Cluster string
	// Routes are host:port of the cluster's servers.
	Routes []string
}

// Render returns the configuration of one server, as nats-server 2.15 reads it.
func (h *Hub) Render(s Server) string {
	var b strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&b, format+"\n", values...) }
	line("# Written by meshctl hub. Write it again when a node comes or goes. A reload admits the node that came:")
	line("#   nats-server --signal reload")
	line("# It leaves the link of a node that went. Take that one out of its peers' files first, have the peers")
	line("# read them again, and then restart the hub's servers one after the other.")
	line("server_name: %s", leaf.Quote(s.Name))
	line("listen: \"127.0.0.1:-1\" # for clients, and none can sign in")
	line("max_payload: %d", h.maxPayload)
	line("ping_interval: \"5s\"\nping_max: 2")
	line("write_deadline: \"2s\"")
	line("leafnodes {\n  listen: %s\n  no_advertise: true", leaf.Quote(s.Listen))
	if s.Certificate != "" {
		line("  tls { cert_file: %s, key_file: %s, timeout: 2 }", leaf.Quote(s.Certificate), leaf.Quote(s.Key))
	}
	line("}")
	if s.Cluster != "" {
		line("cluster {\n  name: mesh\n  listen: %s\n  no_advertise: true", leaf.Quote(s.Cluster))
		line("  tls { cert_file: %s, key_file: %s, ca_file: %s, verify: true, timeout: 2 }", leaf.Quote(s.Certificate), leaf.Quote(s.Key), leaf.Quote(s.CA))
		line("  routes: [")
		for _, route := range s.Routes {
			line("    %s", leaf.Quote("nats-route://"+route))
		}
		line("  ]\n}")
	}
	line("accounts {\n  mesh {\n    limits: {max_subscriptions: %d} # of each link\n    users: [", leaf.HubAllowance)
	for _, u := range h.users {
		line("      # %s", u.name)
		line("      {nkey: %s, allowed_connection_types: [\"LEAFNODE\"], permissions: {", u.key)
		line("        publish: {allow: [%s]}", allowed(u.publish()))
		line("        subscribe: {allow: [%s]}}}", allowed(u.subscribe()))
	}
	line("    ]\n  }\n}")
	return b.String()
}

// allowed lists subjects.
func allowed(subjects []string) string {
	quoted := make([]string, len(subjects))
	for i, subject := range subjects {
		quoted[i] = leaf.Quote(subject)
	}
	return strings.Join(quoted, ", ")
}
