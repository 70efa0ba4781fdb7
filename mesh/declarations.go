package mesh

import (
	"fmt"
	"sync"

	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// declarations are the event types of the program, by subject.
var declarations registry

// registry is what the program declares of each subject. One subject may have several Go types,
// each with a key function: those of the service that owns it and of the services that handle it,
// in one process.
type registry struct {
	mu   sync.RWMutex
	keys map[string][]keyOfPayload // guarded by mu: none for a type without a key
}

// keyOfPayload returns the key of an encoded value.
type keyOfPayload func(payload []byte) (string, error)

func (r *registry) add(subject string, key keyOfPayload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		r.keys = map[string][]keyOfPayload{}
	}
	known := r.keys[subject]
	if key != nil {
		known = append(known, key)
	}
	r.keys[subject] = known
}

// has reports whether the program declares a subject.
func (r *registry) has(subject string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, declared := r.keys[subject]
	return declared
}

// checkKey reports what is wrong with the key that somebody says an encoded value has, and the rule
// that refuses it. Of several key functions one has to agree: which of them is the owner's is not
// known, and none of them gives a key that is not in the value.
func (r *registry) checkKey(subject, key string, payload []byte) (rule string, err error) {
	r.mu.RLock()
	keys := r.keys[subject]
	r.mu.RUnlock()
	if len(keys) == 0 && key != "" {
		return stats.BadKey, fmt.Errorf("its subject has the key %.80q and the type has none: end the subject with %q", key, wire.EmptyKeyToken)
	}
	for _, keyOf := range keys {
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
