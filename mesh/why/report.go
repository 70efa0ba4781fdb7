package why

import (
	"cmp"
	"encoding/hex"
	"regexp"
	"slices"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// Report is what one node knows of some cascades.
type Report struct {
	Node string `json:"node"`
	// Now is when the report was made, Started when the node was opened, and Since when the oldest
	// record was made of those that its recorder surely has; 0 while none has fallen out. All by
	// the clock of Node, in nanoseconds since 1970.
	Now     int64 `json:"now"`
	Started int64 `json:"started"`
	Since   int64 `json:"since,omitempty"`
	// Records are in the order of their times.
	Records []Record `json:"records"`
	// Running are the calls of handlers for these cascades that have not returned.
	Running []stats.Running `json:"running,omitempty"`
	// Handlers has the handlers of the node by the types of Records.
	Handlers map[string][]string `json:"handlers,omitempty"`
	// Left counts the cascades that went wrong and were not kept, as there were too many at once.
	Left uint64 `json:"left,omitempty"`
	// More counts the records for which there was no room.
	More int `json:"more,omitempty"`
	// Withheld counts the records of cascades that the node that asked took no part in.
	Withheld int `json:"withheld,omitempty"`
	// Damaged says what of the kept cascades cannot be read. All else is there.
	Damaged string `json:"damaged,omitempty"`
	// Problem says why the node has no answer, or not all of it: that it has no recorder, or that
	// it could not be asked.
	Problem string `json:"problem,omitempty"`
}

// Sort puts records into the order of a report.
func Sort(records []Record) {
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Emitted, b.Emitted), slices.Compare(a.Event[:], b.Event[:]),
			cmp.Compare(a.Node, b.Node), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Took, b.Took), -cmp.Compare(a.Error, b.Error))
	})
}

// Compact sorts records, and leaves each out that tells of the same as another one: a cascade may
// be had from the recorder and from what was kept of it.
func Compact(records []Record) []Record {
	Sort(records)
	return slices.CompactFunc(records, func(a, b Record) bool { return a.same(&b) })
}

func (r *Record) same(other *Record) bool {
	return r.Node == other.Node && r.Event == other.Event && r.Outcome == other.Outcome && r.Place == other.Place &&
		r.Rule == other.Rule && r.At == other.At && r.Took == other.Took
}

// End is when what the record tells of was over.
func (r *Record) End() int64 { return r.At + int64(r.Took) }

// origin is the node that emitted the event; "" if the path is not known.
func (r *Record) origin() string {
	node, _ := lastOf(r.Path)
	return node
}

// Linked lists what else the nodes are to be asked for that were asked for ids: the roots of what
// they know, and the events that caused those roots. A node that has not seen an event may know its
// cascade.
func Linked(ids []cause.ID, reports ...Report) (more []cause.ID) {
	known := map[cause.ID]bool{}
	for _, id := range ids {
		known[id] = true
	}
	add := func(id cause.ID) {
		if !known[id] && !id.IsZero() {
			known[id] = true
			more = append(more, id)
		}
	}
	for _, report := range reports {
		for _, r := range report.Records {
			add(r.Root)
			if r.Event == r.Root {
				add(r.Parent)
			}
		}
	}
	return more
}

// maxAsked bounds what nodes are asked for: ids of cascades, each of which may lead to others.
const maxAsked = 64

// Follow asks nodes for the cascades of ids, and again for those that the answers lead to, until
// they lead no further; then the last reports have all. ask asks all nodes.
func Follow(ids []cause.ID, ask func([]cause.ID) []Report) (reports []Report) {
	asked := slices.Clone(ids)
	for {
		reports = ask(asked)
		more := Linked(asked, reports...)
		if len(more) == 0 || len(asked) >= maxAsked {
			return reports
		}
		asked = append(asked, more[:min(len(more), maxAsked-len(asked))]...)
	}
}

// IDs are those that a text has in it, as people have them: one id, a letter's key, or a whole line
// of a log. An event's id comes before its root's.
func IDs(text string) (ids []cause.ID) {
	const length = len("01234567-89ab-7def-8123-456789abcdef")
	for _, named := range []string{`event=`, `"event":"`, `root=`, `"root":"`, ""} {
		for i := 0; i+length <= len(text); i++ {
			from := max(0, i-len(named))
			if text[from:i] != named {
				continue
			}
			if id, err := cause.ParseID(text[i : i+length]); err == nil && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	for _, key := range letterKeys.FindAllStringSubmatch(text, -1) {
		var id cause.ID
		if _, err := hex.Decode(id[:], []byte(key[1])); err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// letterKeys finds the keys of durable dead letters, which begin with the digits of the event's id.
var letterKeys = regexp.MustCompile(`\b([0-9a-f]{32})-[0-9a-f]{16}\b`)
