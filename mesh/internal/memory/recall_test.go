package memory

import (
	"testing"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

// A search goes up from a root to the event whose handler emitted it, and down to the roots that
// handlers emitted, and ends when nothing new is found.
func TestASearchFollowsLinks(t *testing.T) {
	first, inner, second, third, other := cause.NewID(1), cause.NewID(2), cause.NewID(3), cause.NewID(4), cause.NewID(5)
	known := []why.Record{
		{Event: first, Root: first},
		{Event: inner, Root: first, Parent: first},
		{Event: second, Root: second, Parent: inner}, // a root that a handler of inner emitted
		{Event: third, Root: third, Parent: second},
		{Event: other, Root: other},
	}
	for name, id := range map[string]cause.ID{"from the first": first, "from the middle": second, "from the last": third} {
		t.Run(name, func(t *testing.T) {
			s := newSearch([]cause.ID{id})
			var found []why.Record
			rounds := 0
			for s.more() {
				if rounds++; rounds > len(known)+1 {
					t.Fatal("the search does not end")
				}
				for _, r := range known {
					if s.ask.Wants(r.Event, r.Root, r.Parent) {
						s.found(r)
					}
				}
				found = s.read()
			}
			if len(found) != 4 {
				t.Errorf("found %d records, want the 4 that are linked: %+v", len(found), found)
			}
		})
	}
}
