package config

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/nats-io/nkeys"
)

// Operator is a person or a program that may ask this node over the mesh, and prove who it is by
// signing each question: see package operator. Each node checks that by its own list.
type Operator struct {
	// Name is how the log calls the operator: "ada". At most 64 bytes.
	Name string `yaml:"name,omitempty" reload:"live"`
	// Key is the operator's public nkey ("U…"), made by meshctl key. It is no node's key.
	Key string `yaml:"key,omitempty" reload:"live"`
	// May says what the operator may do here; "" is [MayRead].
	May May `yaml:"may,omitempty" reload:"live" remedy:"write read or change"`
}

// May is what an operator may do on a node.
type May string

// What operators may do.
const (
	// MayRead lets an operator ask for all that the node tells, the values in dead letters too.
	MayRead May = "read"
	// MayChange lets an operator also change rules, cut handlers, and replay or drop dead letters.
	MayChange May = "change"
)

// Rights is what a node answers to whoever asks what they may do there.
type Rights struct {
	Operator string `json:"operator"` // the name that the log has
	May      May    `json:"may"`
}

// Includes reports whether who may do m may do another thing.
func (m May) Includes(other May) bool { return m == MayChange || other != MayChange }

const (
	maxOperators    = 100
	maxOperatorName = 64
)

// operators checks each operator, and that none is another one or a node.
func (v *validation) operators() {
	names, keys := firsts{}, firsts{}
	for i, peer := range v.config.Peers {
		present, next := peer.keys()
		for _, source := range []keySource{present, next} {
			if !source.given() {
				continue
			}
			if key, err := source.read(); err == nil { // what is wrong with it is said there
				keys.twice(key, fmt.Sprintf("peers[%d].%s", i, source.at()))
			}
		}
	}
	if n := len(v.config.Operators); n > maxOperators {
		v.add("operators", fmt.Sprintf("there are %d operators", n), fmt.Sprintf("name at most %d", maxOperators))
	}
	for i, o := range v.config.Operators {
		v.operator(fmt.Sprintf("operators[%d]", i), o, names, keys)
	}
}

func (v *validation) operator(field string, o Operator, names, keys firsts) {
	switch first := names.twice(o.Name, field+".name"); {
	case strings.TrimSpace(o.Name) == "" || len(o.Name) > maxOperatorName || strings.ContainsFunc(o.Name, unicode.IsControl):
		v.add(field+".name", fmt.Sprintf("%.80q is no name", o.Name), fmt.Sprintf(`give one of at most %d bytes, as in "ada": the log says who changed what`, maxOperatorName))
	case first != "":
		v.add(field+".name", fmt.Sprintf("%q already stands in %s", o.Name, first), "give each operator a name of its own")
	}
	v.oneOf(field+".may", string(o.May), string(MayRead), string(MayChange))
	at := field + ".key"
	if !nkeys.IsValidPublicUserKey(o.Key) {
		problem := "this is not the public key of an nkey user (U…)"
		if _, _, err := nkeys.DecodeSeed([]byte(o.Key)); err == nil {
			problem = "this is a seed, which is secret, and not a public key"
		}
		v.add(at, problem, "give what is in the operator's .pub file, made by: meshctl key FILE")
		return
	}
	if v.publicKey != "" && o.Key == v.publicKey {
		v.add(at, "the key is that of this node's own seed", "give the operator a key of its own: a node signs no questions")
	}
	if first := keys.twice(o.Key, at); first != "" {
		v.add(at, "the key is the same as in "+first, "give each operator a key of its own: it says who asks")
	}
}
