package why

import (
	"fmt"
	"math"
	"testing"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// recordOf is the nth record of a node.
func recordOf(node string, n int) Record {
	id := cause.NewID(int64(n))
	return Record{Node: node, Event: id, Root: id, Type: "a.b.c", Outcome: stats.Handled, At: int64(n + 1)}
}

// Pages of any size make the whole again, and say how much is left.
func TestPages(t *testing.T) {
	whole := []Report{{Node: "a", Now: 1}, {Node: "b", Now: 1}, {Node: "c", Now: 1}}
	for n := range 5 {
		whole[0].Records = append(whole[0].Records, recordOf("a", n))
		whole[2].Records = append(whole[2].Records, recordOf("c", n))
	}
	const all = 13
	for size := 1; size <= all+1; size++ {
		var joined []Report
		for skip := 0; ; {
			page := Page(whole, skip, size)
			skip += page.Size
			if page.Size > size || skip+page.More != all {
				t.Fatalf("size %d: %d after %d, %d more", size, page.Size, skip, page.More)
			}
			joined = append(joined, page.Reports...)
			if page.More == 0 {
				break
			}
		}
		joined = Merge(joined...)
		if len(joined) != 3 || fmt.Sprint(joined[0].Records, joined[1].Records, joined[2].Records) != fmt.Sprint(whole[0].Records, whole[1].Records, whole[2].Records) {
			t.Errorf("size %d: %+v", size, joined)
		}
	}
	if page := Page(whole, 3, math.MaxInt); page.Size != all-3 || page.More != 0 {
		t.Errorf("all that is left: %d, %d more", page.Size, page.More)
	}
	if page := Page(whole, 99, 5); len(page.Reports) != 0 || page.More != 0 {
		t.Errorf("past the end: %+v", page)
	}
}

// Who answers is believed before who says that there is no answer, and what one was not told
// another may have been.
func TestMerge(t *testing.T) {
	first, second := recordOf("a", 1), recordOf("a", 2)
	merged := Merge(
		Report{Node: "a", Problem: "its link to b is down"},
		Report{Node: "a", Now: 1, Records: []Record{second}, Withheld: 1},
		Report{Node: "b", Problem: "it did not answer"},
		Report{Node: "a", Now: 2, Records: []Record{first, second}, Running: []stats.Running{{Handler: "x"}}, Handlers: map[string][]string{"a.b.c": {"x"}}},
		Report{Node: "a", Problem: "its link to c is down"})
	if len(merged) != 2 || merged[0].Problem != "" || len(merged[0].Records) != 2 || merged[0].Withheld != 0 || len(merged[0].Running) != 1 || len(merged[0].Handlers) != 1 ||
		merged[1].Problem != "it did not answer" {
		t.Errorf("%+v", merged)
	}
}
