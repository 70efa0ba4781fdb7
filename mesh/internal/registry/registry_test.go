package registry

import (
	"errors"
	"testing"

	"leafmesh/mesh/stats"
)

// The key that somebody says a value has is that of one of the type's key functions.
func TestTheKeyOfAValueIsChecked(t *testing.T) {
	key := func(k string, err error) KeyOf { return func([]byte) (string, error) { return k, err } }
	broken := errors.New("broken")
	Add("registry.thing.bare", nil)
	Add("registry.thing.keyed", key("owls", nil))
	Add("registry.thing.twice", key("", broken))
	Add("registry.thing.twice", key("owls", nil))
	Add("registry.thing.broken", key("", broken))
	for _, test := range []struct{ subject, key, rule string }{
		{"bare", "", ""},
		{"bare", "owls", stats.BadKey},
		{"keyed", "owls", ""},
		{"keyed", "", stats.BadKey},
		{"twice", "owls", ""},
		{"broken", "owls", stats.Malformed},
	} {
		rule, err := CheckKey("registry.thing."+test.subject, test.key, nil)
		if rule != test.rule || (err != nil) != (test.rule != "") {
			t.Errorf("%s with the key %q: %q, %v", test.subject, test.key, rule, err)
		}
	}
	if !Has("registry.thing.bare") || Has("registry.thing.other") {
		t.Error("what is declared is not known, or what is not declared is")
	}
}
