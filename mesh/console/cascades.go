package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// maxShown bounds a list of cascades.
const maxShown = 200

// problem says that a node has no answer, or not all of it.
type problem struct {
	Node  string `json:"node"`
	Error string `json:"error"`
}

// problems are those of several questions, each once.
type problems []problem

func addProblems[T any](list problems, answers []Answer[T]) problems {
	for _, a := range answers {
		if a.Err == nil {
			continue
		}
		if p := (problem{a.Node, a.Err.Error()}); !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// cascadesView is what the page of cascades shows.
type cascadesView struct {
	Wrong    []why.Summary `json:"wrong"` // the newest first
	More     int           `json:"more"`  // of them, that are older
	Slow     []slowView    `json:"slow"`  // the slowest first
	Problems problems      `json:"problems"`
}

// slowView is the slowest that a handler, a link or a cascade took lately.
type slowView struct {
	Root  cause.ID       `json:"root"`
	Node  string         `json:"node"`
	Of    stats.Measured `json:"of"`
	Type  string         `json:"type"`
	Place string         `json:"place"`
	Peer  string         `json:"peer"`
	Took  time.Duration  `json:"took"`
	At    int64          `json:"at"` // in nanoseconds since 1970
}

func (c *Console) getCascades(w http.ResponseWriter, _ *http.Request) {
	kept, _ := c.now.kept.get(c.ctx)
	durations, _ := c.now.durations.get(c.ctx)
	v := cascadesView{Slow: slowest(durations), Problems: addProblems(addProblems(problems{}, kept), durations)}
	var all []why.Summary
	for _, a := range kept {
		all = append(all, a.Value...)
	}
	all = why.JoinSummaries(all...)
	v.Wrong = append([]why.Summary{}, all[:min(len(all), maxShown)]...)
	v.More = len(all) - len(v.Wrong)
	respond(w, v)
}

// slowest takes of each histogram the example in its highest bucket.
func slowest(answers []Answer[[]stats.Durations]) []slowView {
	list := []slowView{}
	for _, a := range answers {
		for _, d := range a.Value {
			if s, known := d.Slowest(); known {
				list = append(list, slowView{Root: s.Root, Node: a.Node, Of: s.Of, Type: s.Type, Place: s.Place, Peer: s.Peer, Took: s.Took, At: s.At.UnixNano()})
			}
		}
	}
	slices.SortFunc(list, func(a, b slowView) int { return cmp.Compare(b.Took, a.Took) })
	return list[:min(len(list), maxShown)]
}

// explanationView is a cascade as the page of one shows it. Times are in nanoseconds from the first
// known one on.
type explanationView struct {
	Asked    cause.ID    `json:"asked"`
	Found    bool        `json:"found"`
	Verdict  string      `json:"verdict"`
	Path     []string    `json:"path"` // from the root to the worst
	Start    int64       `json:"start"`
	Lasted   int64       `json:"lasted"`
	Cascades []eventView `json:"cascades"`
	Missing  []string    `json:"missing"`
	Problem  string      `json:"problem,omitempty"`
}

// eventView is one event of a cascade.
type eventView struct {
	ID      cause.ID    `json:"id"`
	Type    string      `json:"type"`
	Key     string      `json:"key"`
	Node    string      `json:"node"`
	At      int64       `json:"at"` // -1: not known
	Asked   bool        `json:"asked"`
	Begins  bool        `json:"begins"`  // a cascade of its own
	OnPath  bool        `json:"on_path"` // to the worst
	Missing string      `json:"missing"`
	Steps   []stepView  `json:"steps"`
	Effects []eventView `json:"effects"`
}

// stepView is what became of an event at a place.
type stepView struct {
	Text   string        `json:"text"`
	Note   string        `json:"note"`
	Bad    bool          `json:"bad"`
	At     int64         `json:"at"`
	Waited int64         `json:"waited"`
	Took   int64         `json:"took"`
	Errors []why.Failure `json:"errors"`
}

// getCascade explains the event or root that a text names: an id, a letter's key, or a line of a
// log.
func (c *Console) getCascade(w http.ResponseWriter, r *http.Request) {
	ids := why.IDs(r.URL.Query().Get("of"))
	if len(ids) == 0 {
		fail(w, http.StatusBadRequest, "there is no id in it: give an event's, a root's, a letter's key, or a line of a log")
		return
	}
	reports, err := c.Source.Inquire(r.Context(), ids[0])
	view := explain(why.Explain(ids[0], reports...))
	if err != nil {
		view.Problem = err.Error()
	}
	respond(w, view)
}

// explain makes a view of an explanation.
func explain(x why.Explanation) explanationView {
	v := explanationView{Asked: x.Asked, Found: x.Found, Verdict: x.Verdict(), Path: []string{}, Cascades: []eventView{}, Missing: append([]string{}, x.Missing...)}
	onPath := map[*why.Event]bool{}
	if len(x.Faults) > 0 {
		for _, e := range pathTo(x.Faults[0].Event, x.Cascades) {
			onPath[e] = true
			v.Path = append(v.Path, strings.TrimSpace(cmp.Or(e.Type, "an event")+" "+e.Key))
		}
	}
	var end int64
	v.Start, end = extent(x.Cascades)
	v.Lasted = max(0, end-v.Start)
	for _, e := range x.Cascades {
		v.Cascades = append(v.Cascades, viewOf(e, v.Start, onPath))
	}
	return v
}

// pathTo is the way down to an event, through what caused it; nil if it is not there.
func pathTo(target *why.Event, events []*why.Event) []*why.Event {
	for _, e := range events {
		if e == target {
			return []*why.Event{e}
		}
		if below := pathTo(target, e.Effects); below != nil {
			return append([]*why.Event{e}, below...)
		}
	}
	return nil
}

// extent is from when to when something is known; 0, 0 if nothing is.
func extent(events []*why.Event) (from, until int64) {
	add := func(begin, end int64) {
		if begin == 0 {
			return
		}
		if from == 0 || begin < from {
			from = begin
		}
		until = max(until, end)
	}
	for _, e := range events {
		add(e.Emitted, e.Emitted)
		for _, s := range e.Steps {
			add(s.At, s.At+int64(max(s.Took, s.Lasted)))
		}
		add(extent(e.Effects))
	}
	return from, until
}

func viewOf(e *why.Event, start int64, onPath map[*why.Event]bool) eventView {
	v := eventView{ID: e.ID, Type: e.Type, Key: e.Key, Node: e.Node, At: -1, Asked: e.Asked, Begins: e.ID == e.Root && !e.Parent.IsZero(),
		OnPath: onPath[e], Missing: e.Missing, Steps: []stepView{}, Effects: []eventView{}}
	if e.Emitted != 0 {
		v.At = e.Emitted - start
	}
	for _, s := range e.Steps {
		v.Steps = append(v.Steps, stepView{Text: s.String(), Note: s.Note, Bad: s.Bad(), At: s.At - start, Waited: int64(s.Waited),
			Took: int64(max(s.Took, s.Lasted)), Errors: append([]why.Failure{}, s.Errors...)})
	}
	for _, effect := range e.Effects {
		v.Effects = append(v.Effects, viewOf(effect, start, onPath))
	}
	return v
}
