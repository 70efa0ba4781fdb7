package operations

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/changes"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/logs"
	"leafmesh/mesh/operator"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Node is what operators ask.
type Node interface {
	Stats() stats.Stats
	NodeHealth() stats.NodeHealth
	Retrying() []stats.Retrying
	Graph() graph.Graph
	Rules() []config.Rule
	Places() []stats.Place
	Kept() ([]why.Summary, error)
	Measure()
	Durations() []stats.Durations
	// SetRulesFor sets the rules, and those of before again after a time, 0: never. by is who wants
	// it.
	SetRulesFor(rules []config.Rule, d time.Duration, by string) error
	// SetLimitFor changes the numbers of one rule, NewLimitFor makes one, and UnsetLimitFor removes
	// one.
	SetLimitFor(c config.LimitChange, p changes.Passing) (config.LimitChanged, error)
	NewLimitFor(r config.Rule, p changes.Passing) (config.LimitChanged, error)
	UnsetLimitFor(id config.RuleID, p changes.Passing) (config.LimitChanged, error)
	// CutFor cuts a place or restores it, and undoes that after a time, 0: never.
	CutFor(subject, place string, cut bool, d time.Duration, by string) error
	Letters() ([]stats.Letter, error)
	Letter(key string) (stats.Letter, error)
	ReplayLetter(ctx context.Context, key string) error
	DropLetter(key string) error
	Inquire(ctx context.Context, ids ...cause.ID) ([]why.Report, error)
	Recall(ctx context.Context, ids ...cause.ID) (why.Report, error)
	// Reload reads the node's file again; with dryRun it only tells what would change. Without a
	// file the error is config.ErrNoFile.
	Reload(ctx context.Context, dryRun bool) (config.Changes, error)
	// AskAll puts a signed question to all other nodes.
	AskAll(ctx context.Context, q operator.Question) (answers []operator.Answer, silent []string)
}

// Spec says what an answerer is to be.
type Spec struct {
	Name       string
	Node       Node
	Operators  []config.Operator
	Clock      *clock.Clock
	Log        *journal.Log
	MaxPayload int // of an answer at the tap, in bytes
}

// Answerer answers what operators ask about a node, at its tap and over its links. Its methods are
// safe for concurrent use.
type Answerer struct {
	Spec
	guard    *guard
	inquired inquired
	pages    pages
}

// NewAnswerer makes the answerer of a node.
func NewAnswerer(s Spec) *Answerer { return &Answerer{Spec: s, guard: newGuard(s.Name, s.Operators)} }

// SetOperators replaces those who may sign questions.
func (a *Answerer) SetOperators(operators []config.Operator) { a.guard.set(operators) }

// admit tells which operator asks a question: see guard. Its end is one of the operator's wall
// clock.
func (a *Answerer) admit(q operator.Question, needs config.May) (who config.Operator, known bool, refused *failure) {
	return a.guard.admit(q, needs, time.Unix(0, a.Clock.Now()), time.Unix(0, a.Clock.True()))
}

// request is one question for this node.
type request struct {
	ctx  context.Context
	name string // of the question: "letter.replay"
	data []byte
	by   config.Operator // who asks, or atTap
	all  bool            // it goes from node to node
	each bool            // all nodes are asked, and not this one alone
	room int             // for a list, in bytes
}

// anyRoom is that of an answer in this process.
const anyRoom = math.MaxInt

// pageRoom is that of a list among the answers of all nodes, wherever it goes: it may have to leave
// by a message of somebody's tap, where an eighth is for what surrounds it. What has no pages is
// bounded by what goes over links, or by that message.
func (a *Answerer) pageRoom() int { return a.MaxPayload - a.MaxPayload/8 }

// atTap is who asks without a signature: somebody who knows the tap's password.
var atTap = config.Operator{Name: "tap", May: config.MayChange}

// failure says why a request has no answer.
type failure struct {
	code int // as in HTTP
	text string
}

// Error is the text.
func (f *failure) Error() string { return f.text }

// failureOf makes a failure of an error: one of the server's, unless it says what it is.
func failureOf(err error) *failure {
	var known *failure
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, stats.ErrNotHere):
		return &failure{404, err.Error()}
	}
	return &failure{500, err.Error()}
}

// answer answers one request, of somebody who may ask it.
func (a *Answerer) answer(r request) ([]byte, *failure) {
	q := questionNamed(r.name)
	if q == nil {
		return nil, unknown(r.name)
	}
	if q.data == "" && len(r.data) > 0 {
		return nil, &failure{400, fmt.Sprintf("the request has %d bytes of data, and %s takes none", len(r.data), r.name)}
	}
	data, err := q.answer(a, r)
	if q.changes(r.data) {
		a.logChange(r, err)
	}
	if err != nil {
		return nil, failureOf(err)
	}
	return data, nil
}

// logChange says who changed what, or tried to: each time, as nobody else remembers it. What is not
// here may be on another node that the operator asks, too: that is no failure.
func (a *Answerer) logChange(r request, err error) {
	attrs := []any{"operator", r.by.Name, "question", r.name, "data", logs.Excerpt(r.data)}
	level, text := slog.LevelInfo, "an operator changed the node"
	if err != nil {
		level, text, attrs = slog.LevelWarn, "an operator could not change the node", append(attrs, "error", err)
	}
	if errors.Is(err, stats.ErrNotHere) {
		if r.each {
			return
		}
		level = slog.LevelInfo
	}
	a.Log.Log(logs.Each(context.Background()), level, text, attrs...)
}

// logRefused says who was not answered: one line a time for each question of an operator, and for
// each cause of those who prove to be none. peer is who passed the question on; "": it came here.
func (a *Answerer) logRefused(peer string, who config.Operator, name string, q operator.Question, refused *failure) {
	ctx, question := context.Background(), logs.Excerpt([]byte(cmp.Or(name, q.Subject)))
	attrs := []any{"question", question, "signer", logs.Excerpt([]byte(q.Header.Get(operator.KeyHeader)))}
	if who.Name != "" {
		attrs = []any{"question", question, "operator", who.Name, "data", logs.Excerpt(q.Body)}
		if questionNamed(name) != nil {
			ctx = logs.WithCause(ctx, fmt.Sprintf("%s of %s is refused: %d", name, who.Name, refused.code))
		}
	}
	if peer != "" {
		attrs = append(attrs, "peer", peer)
	}
	a.Log.WarnContext(ctx, "an operator's question is refused", append(attrs, "error", refused.text)...)
}

// Admit takes a signed question that a peer passed on. answer answers it for this node, or says why
// not; it is nil if another node alone is asked. The question goes on to other nodes if this node
// knows who signed it, and is not the one that is asked.
func (a *Answerer) Admit(peer string, q operator.Question) (answer func(ctx context.Context) operator.Answer, goesOn bool) {
	to, name, who, known, refused := a.admitAll(peer, q)
	if refused != nil {
		return func(context.Context) operator.Answer { return a.told(nil, refused) }, known
	}
	if to != "" && to != a.Name {
		return nil, true
	}
	return func(ctx context.Context) operator.Answer {
		return a.told(a.answer(request{ctx, name, q.Body, who, true, to == "", a.pageRoom()}))
	}, to == ""
}

// admitAll admits a question to all nodes, or to one of them, "" if it is all, that a peer passed
// on, "": it came here. A node that only passes a question on does not judge whether the operator
// may change another one: that one does.
func (a *Answerer) admitAll(peer string, q operator.Question) (to, name string, who config.Operator, known bool, refused *failure) {
	defer func() {
		if refused != nil {
			a.logRefused(peer, who, name, q, refused)
		}
	}()
	to, name, ok := operator.Topic(q.Subject)
	if !ok {
		return to, name, who, false, &failure{403, fmt.Sprintf("node %s: %.80q is no question to all nodes", a.Name, q.Subject)}
	}
	needs := config.MayRead
	if asked := questionNamed(name); asked != nil && (to == "" || to == a.Name) {
		needs = asked.needs(q.Body)
	}
	who, known, refused = a.admit(q, needs)
	return to, name, who, known, refused
}

func unknown(name string) *failure {
	return &failure{404, fmt.Sprintf("nothing is known as %.80q: ask for %s", name, questionNames())}
}

// told is what the node answers among others.
func (a *Answerer) told(data []byte, why *failure) operator.Answer {
	told := operator.Answer{Node: a.Name}
	switch {
	case why != nil:
		told.Error, told.Code = why.text, why.code
	case json.Valid(data):
		told.Answer = data
	default: // a text
		text, err := json.Marshal(string(data))
		if err != nil {
			told.Error, told.Code = err.Error(), 500
		}
		told.Answer = text
	}
	return told
}
