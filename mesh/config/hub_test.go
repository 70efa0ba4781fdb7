package config

import (
	"strings"
	"testing"

	"leafmesh/mesh/internal/configtest"
)

// What is wrong with a hub is said with its field and the remedy.
func TestHubIsChecked(t *testing.T) {
	_, seed := configtest.NewFolder(t)
	_, other := configtest.NewFolder(t)
	for name, test := range map[string]struct {
		change func(*Node)
		want   string // "" for none
	}{
		"good":                   {func(*Node) {}, ""},
		"no url":                 {func(n *Node) { n.Hub.URLs = nil }, "hub.urls: the hub has no url"},
		"no TLS, this machine":   {func(n *Node) { n.Hub.URLs = []string{"nats-leaf://127.0.0.1:7422"} }, ""},
		"no TLS, beyond":         {func(n *Node) { n.Hub.URLs = []string{"nats-leaf://hub.example.com:7422"} }, "hub.urls[0]: without TLS"},
		"some without TLS":       {func(n *Node) { n.Hub.URLs = append(n.Hub.URLs, "nats-leaf://127.0.0.1:7422") }, "hub.urls[1]: some of the hub's servers"},
		"a password":             {func(n *Node) { n.Hub.URLs = []string{"tls://a:b@hub.example.com:7422"} }, "hub.urls[0]: a URL may not hold"},
		"another scheme":         {func(n *Node) { n.Hub.URLs = []string{"http://hub.example.com:7422"} }, "hub.urls[0]: it is not a tls://"},
		"no port":                {func(n *Node) { n.Hub.URLs = []string{"tls://hub.example.com"} }, "hub.urls[0]: "},
		"a path":                 {func(n *Node) { n.Hub.URLs = []string{"tls://hub.example.com:7422/x"} }, "hub.urls[0]: "},
		"no seed":                {func(n *Node) { n.Hub.Seed = Secret{} }, "hub.seed: there is no seed"},
		"the node's seed":        {func(n *Node) { n.Hub.Seed = n.Seed }, "hub.seed: it is the node's own seed"},
		"a CA that is not there": {func(n *Node) { n.Hub.CA = "none.pem" }, "hub.ca: "},
		"no peer to import from": {func(n *Node) { n.Peers = nil }, "no peer of service clue"},
		"no hub":                 {func(n *Node) { n.Hub = nil }, "no peer of service clue has a url"},
	} {
		t.Run(name, func(t *testing.T) {
			n := Node{Name: "score-1", Seed: NewSecret(seed), Peers: []Peer{{Name: "clue-1"}}, Imports: []Import{{Event: "clue.clue.solved"}},
				Hub: &Hub{URLs: []string{"tls://hub.example.com:7422"}, Seed: NewSecret(other)}}
			test.change(&n)
			err := n.WithDefaults().Validate()
			if test.want == "" && err != nil {
				t.Error(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v lacks %q", err, test.want)
			}
		})
	}
}
