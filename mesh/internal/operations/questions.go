package operations

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"leafmesh/mesh/config"
)

// question is something that can be asked.
type question struct {
	name   string
	may    config.May // what who asks must be allowed
	data   string     // what the request's data is, for people; "": there is none
	answer func(a *Answerer, r request) ([]byte, error)
}

// leaveOut is the data of a question for a list.
const leaveOut = "how many of the first to leave out"

// questions lists what can be asked.
func questions() []question {
	return []question{
		{"stats", config.MayRead, "", func(a *Answerer, _ request) ([]byte, error) { return json.Marshal(a.Node.Stats()) }},
		{"graph", config.MayRead, "", func(a *Answerer, _ request) ([]byte, error) { return json.Marshal(a.Node.Graph()) }},
		{"graph.mermaid", config.MayRead, "", func(a *Answerer, _ request) ([]byte, error) { return []byte(a.Node.Graph().Mermaid()), nil }},
		{"rules", config.MayRead, "", func(a *Answerer, _ request) ([]byte, error) {
			return json.Marshal(append([]config.Rule{}, a.Node.Rules()...)) // a list in JSON, also without entries
		}},
		{"letters", config.MayRead, leaveOut, (*Answerer).letters},
		{"letter", config.MayRead, "a letter's key", (*Answerer).letter},
		{"letter.replay", config.MayChange, "a letter's key", (*Answerer).letter},
		{"letter.drop", config.MayChange, "a letter's key", (*Answerer).letter},
		{"why", config.MayRead, "ids, and how much to leave out", (*Answerer).why},
		{"why.text", config.MayRead, "an id, or a line of a log", (*Answerer).why},
		{"health", config.MayRead, "", func(a *Answerer, _ request) ([]byte, error) { return json.Marshal(a.Node.NodeHealth()) }},
		{"places", config.MayRead, leaveOut, func(a *Answerer, r request) ([]byte, error) { return listed(r, a.Node.Places()) }},
		{"kept", config.MayRead, leaveOut, (*Answerer).kept},
		{"slowest", config.MayRead, leaveOut, (*Answerer).slowest},
		{"retrying", config.MayRead, leaveOut, (*Answerer).retrying},
		{"may", config.MayRead, "", func(_ *Answerer, r request) ([]byte, error) {
			return json.Marshal(config.Rights{Operator: r.by.Name, May: cmp.Or(r.by.May, config.MayRead)})
		}},
		{"rules.set", config.MayChange, `rules, or {"rules", "for"}`, (*Answerer).setRules},
		{"limit.set", config.MayChange, `{"id", "limit" or "concurrency", …, "for", "dry_run"}`, (*Answerer).setLimit},
		{"limit.new", config.MayChange, `{"rule", "for", "dry_run"}`, (*Answerer).newLimit},
		{"limit.unset", config.MayChange, `{"id", "for", "dry_run"}`, (*Answerer).unsetLimit},
		{"cut", config.MayChange, `{"type", "handler" or "place", "for"}`, (*Answerer).cut},
		{"restore", config.MayChange, `{"type", "handler" or "place", "for"}`, (*Answerer).cut},
		{"reload", config.MayChange, `{"dry_run"}, or nothing`, (*Answerer).reload},
	}
}

func questionNamed(name string) *question {
	all := questions()
	if i := slices.IndexFunc(all, func(q question) bool { return q.name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

func questionNames() string {
	var names []string
	for _, q := range questions() {
		names = append(names, q.name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// needs is what who asks must be allowed.
func (q *question) needs(data []byte) config.May {
	if q.canBeDry() && isDry(data) {
		return config.MayRead
	}
	return q.may
}

// canBeDry reports whether the question can be only what it would change.
func (q *question) canBeDry() bool { return q.name == "reload" || strings.HasPrefix(q.name, "limit.") }

// isDry reports whether a request asks to change nothing. What is not understood is none.
func isDry(data []byte) bool {
	var asked struct {
		DryRun bool `json:"dry_run"`
	}
	return json.Unmarshal(data, &asked) == nil && asked.DryRun
}

func (q *question) changes(data []byte) bool { return q.needs(data) == config.MayChange }
