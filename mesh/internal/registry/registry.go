// Package registry knows the event types that the program declares, by their subjects. One subject
// may have several Go types, each with a key function: those of the service that owns it and of the
// services that handle it, in one process.
package registry

import (
	"fmt"
	"sync"

	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

var (
	mu   sync.RWMutex
	keys = map[string][]KeyOf{} // guarded by mu: none for a type without a key
)

// KeyOf returns the key of an encoded value.
type KeyOf func(payload []byte) (string, error)

// Add declares a subject, with the key function of a Go type; nil: it has none.
func Add(subject string, key KeyOf) {
	mu.Lock()
	defer mu.Unlock()
	known := keys[subject]
	if key != nil {
		known = append(known, key)
	}
	keys[subject] = known
}

// Has reports whether the program declares a subject.
func Has(subject string) bool {
	mu.RLock()
	defer mu.RUnlock()
	_, declared := keys[subject]
	return declared
}

// CheckKey reports what is wrong with the key that somebody says an encoded value has, and the rule
// that refuses it. Of several key functions one has to agree: which of them is the owner's is not
// known, and none of them gives a key that is not in the value.
func CheckKey(subject, key string, payload []byte) (rule string, err error) {
	mu.RLock()
	known := keys[subject]
	mu.RUnlock()
	if len(known) == 0 && key != "" {
		return stats.BadKey, fmt.Errorf("its subject has the key %.80q and the type has none: end the subject with %q", key, wire.EmptyKeyToken)
	}
	for _, keyOf := range known {
		found, failed := keyOf(payload)
		switch {
		case failed == nil && found == key:
			return "", nil
		case failed == nil:
			rule, err = stats.BadKey, fmt.Errorf("its subject has the key %.80q and its value has the key %.80q", key, found)
		case err == nil:
			rule, err = stats.Malformed, failed
		}
	}
	return rule, err
}
