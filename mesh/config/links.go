package config

import "time"

// Links says how the links between nodes are protected. The zero value is for mutual TLS 1.3 by
// the nodes' own nkeys: each end proves its seed and knows the other's public key.
type Links struct {
	// CA, Certificate and Key are PEM files of an organisation, used instead of nkeys: who signed
	// the nodes' certificates, this node's own, and its private key. A certificate has the node's
	// name among its DNS names. All three or none; relative to the YAML file. They are read again
	// when they change.
	CA          Path `yaml:"ca,omitempty" reload:"restart" contents:"live"`
	Certificate Path `yaml:"certificate,omitempty" reload:"restart" contents:"live"`
	Key         Path `yaml:"key,omitempty" reload:"restart" contents:"live"`

	// Plain turns TLS off: whoever is between two nodes reads and rewrites what passes, and whoever
	// answers at an exporter's port is believed. Both ends must say so.
	Plain bool `yaml:"plain,omitempty" reload:"restart"`
	// PlainBeyondLoopback allows Plain on addresses of other machines, where something else
	// protects the way, as a tunnel does.
	PlainBeyondLoopback bool `yaml:"plain_beyond_loopback,omitempty" reload:"restart"`
	// PlainSeed is the nkey user seed with which the node signs in on plain links, when there are
	// imports. It is never Seed: an exporter there has signed whatever it likes, and could sign in
	// elsewhere with it. Its public key is what exporters have as the node's key.
	PlainSeed Secret `yaml:"plain_seed,omitempty" reload:"live"`

	// Ping is how often each end of a link asks whether the other one lives; default 3.5s, from
	// 100ms to 1m. A peer that is dead or hangs is noticed after four of them at most.
	Ping time.Duration `yaml:"ping,omitempty" reload:"restart"`
}

const (
	// DefaultPing is the Ping of Links that give none.
	DefaultPing = 3500 * time.Millisecond
	minPing     = 100 * time.Millisecond
	maxPing     = time.Minute
)

// byCertificates reports whether an organisation's certificates are used.
func (l Links) byCertificates() bool { return l.CA != "" || l.Certificate != "" || l.Key != "" }

// byKeys reports whether both ends of a link prove an nkey.
func (l Links) byKeys() bool { return !l.Plain && !l.byCertificates() }
