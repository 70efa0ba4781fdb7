package gate

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// The count says the same as a list of the calls under way.
func TestCallsMatchTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		calls, model := NewCalls(limit), []string{}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			key := fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "key"))
			switch step := rapid.IntRange(0, 5).Draw(t, "step"); {
			case step == 0:
				limit = rapid.IntRange(1, 4).Draw(t, "new limit")
				calls.SetLimit(limit)
			case step < 3 && len(model) > 0:
				i := rapid.IntRange(0, len(model)-1).Draw(t, "which ends")
				calls.End(model[i])
				model = append(model[:i], model[i+1:]...)
			default:
				free := count(model, key) < limit
				if calls.Begin(key) != free {
					t.Fatalf("key %s of %v with limit %d: %v", key, model, limit, !free)
				}
				if free {
					model = append(model, key)
				}
			}
			keys := 0
			for key := range 4 {
				keys += min(1, count(model, fmt.Sprint(key)))
			}
			if calls.Keys() != keys {
				t.Fatalf("%d keys for %v", calls.Keys(), model)
			}
		}
	})
}

func count(list []string, key string) (n int) {
	for _, k := range list {
		if k == key {
			n++
		}
	}
	return n
}
