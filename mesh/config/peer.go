package config

// Peer is another node: one that this node imports from (URL), one that imports from this node (Key
// or KeyFile), or both.
type Peer struct {
	// Name is the peer's node name, "hunt-1".
	Name string `yaml:"name,omitempty"`
	// URL is the peer's leaf port, "nats-leaf://127.0.0.1:7402". This node dials it if it imports
	// an event of the peer's service. No user or password.
	URL string `yaml:"url,omitempty" remedy:"give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402"`
	// Key is the peer's public nkey ("U…"). With it the peer may link to this node and read its
	// exports.
	Key string `yaml:"key,omitempty"`
	// KeyFile names a file that holds Key; relative to the YAML file.
	KeyFile string `yaml:"key_file,omitempty"`
}

// Tap is a port on the loopback interface for stock NATS clients. A client there reads this node's
// events, emits by request ("mesh.emit.>") and asks about the node ("mesh.ops.>", see
// docs/running.md); no message of it crosses a link.
type Tap struct {
	// Listen is a loopback host:port; port 0 takes any free port.
	Listen   string `yaml:"listen,omitempty" remedy:"give a loopback host:port, as in 127.0.0.1:4222 or localhost:0"`
	User     string `yaml:"user,omitempty"`
	Password Secret `yaml:"password,omitempty"`
}
