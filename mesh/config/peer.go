package config

// Peer is another node: one that this node imports from (URL), one that may import from this node
// (MayImport), or both. Its key says who it is; the key alone lets it do nothing.
type Peer struct {
	// Name is the peer's node name, "hunt-1".
	Name string `yaml:"name,omitempty" reload:"live"`
	// URL is the peer's leaf port, "nats-leaf://127.0.0.1:7402". This node dials it if it imports
	// an event of the peer's service. No user or password.
	URL string `yaml:"url,omitempty" reload:"live" remedy:"give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402"`
	// Key is the peer's public nkey ("U…"): what it has to prove, whichever of the two dials. Not
	// needed for a URL if links are plain, and not used with an organisation's certificates.
	Key string `yaml:"key,omitempty" reload:"live"`
	// KeyFile names a file that holds Key; relative to the YAML file.
	KeyFile string `yaml:"key_file,omitempty" reload:"live" contents:"live"`
	// NextKey is another key that the peer may prove, so that it changes its seed without an
	// outage: its peers name the next key first, then it changes, then they name the next key
	// alone.
	NextKey string `yaml:"next_key,omitempty" reload:"live"`
	// NextKeyFile names a file that holds NextKey; relative to the YAML file.
	NextKeyFile string `yaml:"next_key_file,omitempty" reload:"live" contents:"live"`
	// MayImport says which exports of this node the peer may import. Empty: none.
	MayImport MayImport `yaml:"may_import,omitempty" reload:"live" remedy:"write all, or a list of event types, as in [clue.clue.solved]"`
}

// named reports whether the peer has a key, without a look at the files.
func (p Peer) named() bool { return p.Key != "" || p.KeyFile != "" }

// Tap is a port on the loopback interface for stock NATS clients. A client there reads this node's
// events, emits by request ("mesh.emit.>") and asks about the node ("mesh.ops.>", see
// docs/operations.md). No message of it crosses a link but a question to all nodes, which an
// operator has signed.
type Tap struct {
	// Listen is a loopback host:port; port 0 takes any free port.
	Listen   string `yaml:"listen,omitempty" reload:"restart" remedy:"give a loopback host:port, as in 127.0.0.1:4222 or localhost:0"`
	User     string `yaml:"user,omitempty" reload:"restart"`
	Password Secret `yaml:"password,omitempty" reload:"restart"`
}
