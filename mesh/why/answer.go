package why

import (
	"cmp"
	"slices"
)

// Answer is what a node answers to mesh.ops.why: reports of itself and of other nodes, or a page of
// them if a message has no room for all.
type Answer struct {
	Reports []Report `json:"reports"`
	// More is how much follows on later pages; 0 on the last. Who goes on leaves out Size more.
	More int `json:"more,omitempty"`
	// Size is how much of the answer this page has.
	Size int `json:"size"`
}

// Page is a part of some reports: it leaves out so much, and has at most so much, counting each
// report and each record. Where it begins or ends within a report, the rest of that is on other
// pages; [Merge] joins them.
func Page(reports []Report, skip, size int) (a Answer) {
	a.Reports = []Report{}
	for _, r := range reports {
		n := 1 + len(r.Records)
		from := min(skip, n)
		to := from + min(n-from, size)
		skip -= from
		if from == n {
			continue
		}
		if to <= from {
			a.More += n - from
			continue
		}
		size -= to - from
		a.Size += to - from
		a.More += n - to
		r.Records = r.Records[max(0, from-1) : to-1]
		a.Reports = append(a.Reports, r)
	}
	return a
}

// Merge makes one report of those of the same node, in the order in which the nodes come first. Who
// has an answer of a node is believed before who says that it has none.
func Merge(reports ...Report) (merged []Report) {
	for _, r := range reports {
		i := slices.IndexFunc(merged, func(known Report) bool { return known.Node == r.Node })
		switch {
		case i < 0:
			merged = append(merged, r)
		case r.isProblem():
		case merged[i].isProblem():
			merged[i] = r
		default:
			merged[i].join(r)
		}
	}
	return merged
}

// isProblem reports whether a report only says why there is none.
func (r *Report) isProblem() bool { return r.Problem != "" && r.Now == 0 }

// join adds what another report of the node knows: for whoever asked for that one the node may have
// left out less.
func (r *Report) join(other Report) {
	r.Records = Compact(append(slices.Clone(r.Records), other.Records...))
	r.Withheld = min(r.Withheld, other.Withheld)
	r.More = min(r.More, other.More)
	r.Damaged = cmp.Or(r.Damaged, other.Damaged)
	for _, call := range other.Running {
		if !slices.Contains(r.Running, call) {
			r.Running = append(slices.Clip(r.Running), call)
		}
	}
	handlers := map[string][]string{}
	for _, of := range []map[string][]string{r.Handlers, other.Handlers} {
		for subject, names := range of {
			handlers[subject] = names
		}
	}
	r.Handlers = handlers
}
