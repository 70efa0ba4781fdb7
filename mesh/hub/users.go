package hub

import (
	"fmt"
	"strings"

	"leafmesh/mesh/internal/leaf"
)

// Users returns the commands of nsc 2 that make each node's user in an account, and the file with
// its credentials, NODE.creds. They are for a hub that has JWT accounts, where nobody gives the
// servers a configuration: a hosted NATS. The users have the rights and limits that [Hub.Render]
// writes.
func (h *Hub) Users(account string) string {
	var b strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&b, format+"\n", values...) }
	line("# Written by meshctl hub --jwt. Write it again when a node comes or goes.")
	line("# It makes the users that are not there yet, and leaves the others as they are. The user of a node that went:")
	line("#   nsc delete user --revoke --account %s --name NODE && nsc push --account %s", quoted(account), quoted(account))
	line("# Copy each NODE.creds to its node's machine, to where hub.credentials of the node file says.")
	for _, u := range h.users {
		user := fmt.Sprintf("user --account %s --name %s", quoted(account), u.name)
		line("")
		line("nsc add %s \\", user)
		line("    --allow-pub '%s' \\", strings.Join(u.publish(), ","))
		line("    --allow-sub '%s' &&", strings.Join(u.subscribe(), ","))
		line("  nsc edit %s --conn-type LEAFNODE --subs %d --payload %d &&", user, leaf.HubAllowance, h.maxPayload)
		line("  nsc generate creds --account %s --name %s --output-file %s.creds", quoted(account), u.name, u.name)
	}
	return b.String()
}

// quoted writes one word for a shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
