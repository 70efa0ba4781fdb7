package outbox

import (
	"testing"

	"pgregory.net/rapid"
)

// An id is known for the time, or as long as few came since, and never more ids than the bound.
func TestKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const keep, most = 100, 8
		k := newKnown(keep, most)
		type arrival struct {
			at int64
			n  int // how many came before it
		}
		came := map[int]arrival{}
		now, count := int64(0), 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now += rapid.Int64Range(0, 40).Draw(t, "pause")
			n := rapid.IntRange(0, 30).Draw(t, "id")
			if k.has(id(n)) {
				if _, ok := came[n]; !ok {
					t.Fatalf("%d never came", n)
				}
				continue
			}
			if a, ok := came[n]; ok && now-a.at <= keep && count-a.n < most {
				t.Fatalf("%d is not known after %d ns and %d ids", n, now-a.at, count-a.n)
			}
			k.add(id(n), now)
			came[n] = arrival{now, count}
			count++
			if len(k.young)+len(k.old) > 2*most {
				t.Fatalf("%d ids are kept", len(k.young)+len(k.old))
			}
		}
	})
}
