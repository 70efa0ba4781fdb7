package neighbours

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const solved = "clue.clue.solved"

// after is who takes what a node exports.
var after = map[string]string{"clue-1": "score-1", "score-1": "print-1", "print-1": "hunt-1"}

// site is one node of a mesh.
type site struct {
	*Neighbours
	name  string
	mesh  *mesh
	knows []why.Record

	mu   sync.Mutex
	kept map[string][]cause.ID // guarded by mu: by peer, the roots that it wants kept
	said map[string]int        // guarded by mu: by peer, the messages to it
	deaf bool                  // guarded by mu: it says nothing
	asks int                   // guarded by mu: how often it was asked what it knows, or by an operator
	slow bool                  // it answers operators when nobody waits any more
	bars bool                  // it knows no operators
}

// mesh is some nodes, of which some are linked.
type mesh struct {
	t     *testing.T
	sites map[string]*site

	mu    sync.Mutex
	links map[string]bool // guarded by mu: "a b" and "b a"; false: the link is down
	room  int             // of a message
}

// newMesh makes nodes: links are pairs of names.
func newMesh(t *testing.T, links ...string) *mesh {
	m := &mesh{t: t, sites: map[string]*site{}, links: map[string]bool{}, room: 1000}
	peers := map[string][]string{}
	for _, link := range links {
		a, b, _ := strings.Cut(link, " ")
		m.set(a, b, true)
		peers[a], peers[b] = append(peers[a], b), append(peers[b], a)
	}
	c := clock.New(nil)
	t.Cleanup(c.Close)
	for name, of := range peers {
		s := &site{name: name, mesh: m, kept: map[string][]cause.ID{}, said: map[string]int{}}
		s.Neighbours = New(Spec{Node: name, Peers: of, Clock: c, Log: journal.New(nil, name), Recall: s.recall,
			Takes: func(peer, subject string) bool { return subject == solved && peer == after[name] }, Keep: s.keep, Admit: s.admit})
		s.Add(s)
		m.sites[name] = s
	}
	t.Cleanup(func() {
		for _, s := range m.sites {
			s.Close()
		}
	})
	return m
}

func (m *mesh) set(a, b string, up bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links[a+" "+b], m.links[b+" "+a] = up, up
}

func (s *site) Room(peer string) int {
	s.mesh.mu.Lock()
	defer s.mesh.mu.Unlock()
	if !s.mesh.links[s.name+" "+peer] {
		return 0
	}
	return s.mesh.room
}

func (s *site) Expects(peer string) bool { return peer != "hunt-9" }

func (s *site) Send(peer string, message []byte) error {
	if len(message) > s.mesh.room {
		s.mesh.t.Errorf("%d bytes", len(message))
	}
	s.mu.Lock()
	s.said[peer]++
	deaf := s.deaf
	s.mu.Unlock()
	m, err := wire.DecodeTalk(message)
	if err != nil || deaf {
		return err
	}
	s.mesh.sites[peer].Hear(s.name, m)
	return nil
}

func (s *site) recall(ctx context.Context, who string, ids ...cause.ID) (why.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks++
	r := why.Report{Node: s.name, Now: 1, Handlers: map[string][]string{solved: {"award"}, "a.b.c": {"x"}}}
	for _, one := range s.knows {
		if slices.Contains(ids, one.Root) || slices.Contains(ids, one.Event) {
			r.Records = append(r.Records, one)
			r.Running = []stats.Running{{Handler: "award", Type: one.Type, Root: one.Root}}
		}
	}
	return r, nil
}

func (s *site) keep(peer string, roots []cause.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[peer] = append(s.kept[peer], roots...)
}

// know lets a node have a record of a new event of a cascade.
func (s *site) know(root cause.ID, outcome stats.Outcome, path ...string) cause.ID {
	r := why.Record{Node: s.name, Event: cause.NewID(rand.Int64N(1 << 60)), Root: root, Type: solved, Outcome: outcome, At: 1, Count: 1}
	for _, node := range path {
		r.Path = append(r.Path, node+":"+solved)
	}
	s.knows = append(s.knows, r)
	return r.Event
}

func (s *site) count(of map[string]int, peer string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return of[peer]
}

// ask asks from a node, and gives what each node answered: how many records, or the problem.
func (m *mesh) ask(from string, ids ...cause.ID) map[string]string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 2*time.Second)
	defer cancel()
	reports, err := m.sites[from].Ask(ctx, ids...)
	if err != nil || len(reports) == 0 || reports[0].Node != from {
		m.t.Fatalf("%v, %+v", err, reports)
	}
	answers := map[string]string{}
	for _, r := range reports {
		answers[r.Node] = fmt.Sprintf("%d, withheld %d, %s", len(r.Records), r.Withheld, r.Problem)
		if len(r.Records) == 0 && r.Node != from && len(r.Running)+len(r.Handlers) > 0 {
			m.t.Errorf("%s tells more than it may: %+v", r.Node, r)
		}
	}
	return answers
}

func (m *mesh) want(answers map[string]string, node, want string) {
	m.t.Helper()
	if got := answers[node]; !strings.HasPrefix(got, want) || (want == "") != (got == "") {
		m.t.Errorf("%s answers %q, want %q", node, got, want)
	}
}

// One node answers for all, along a chain and in a full mesh, and each is asked once for each set
// of ids.
func TestOneNodeAnswersForAll(t *testing.T) {
	for name, links := range map[string][]string{
		"chain": {"clue-1 score-1", "score-1 print-1", "print-1 hunt-1"},
		"full":  {"clue-1 score-1", "score-1 print-1", "print-1 hunt-1", "clue-1 print-1", "clue-1 hunt-1", "score-1 hunt-1"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMesh(t, links...)
			root := cause.NewID(1)
			path := []string{}
			var last cause.ID
			for _, node := range []string{"clue-1", "score-1", "print-1", "hunt-1"} {
				path = append(path, node)
				last = m.sites[node].know(root, stats.Handled, path...)
			}
			for _, name := range path[:3] {
				m.sites[name].know(root, stats.Exported, name)
			}
			for from, id := range map[string]cause.ID{"clue-1": last, "hunt-1": root} {
				answers := m.ask(from, id)
				for _, node := range path {
					count := 2
					if node == "hunt-1" {
						count = 1
					}
					m.want(answers, node, fmt.Sprintf("%d, withheld 0, ", count))
				}
			}
			for _, s := range m.sites {
				if s.asks > 4*len(s.Peers) { // two questions of two rounds each
					t.Errorf("%s was asked %d times", s.name, s.asks)
				}
			}
		})
	}
}

// A node that took no part in a cascade is told nothing of it, also not by way of one that did.
func TestWhoTookNoPartIsToldNothing(t *testing.T) {
	m := newMesh(t, "hunt-1 clue-1", "clue-1 score-1")
	root := cause.NewID(1)
	m.sites["clue-1"].know(root, stats.Exported, "clue-1")
	failed := m.sites["score-1"].know(root, stats.Failed, "clue-1")
	answers := m.ask("hunt-1", root)
	m.want(answers, "clue-1", "0, withheld 1, ")
	m.want(answers, "score-1", "")
	answers = m.ask("hunt-1", failed) // which clue-1 does not know, and asks score-1 for
	m.want(answers, "clue-1", "0, withheld 0, ")
	m.want(answers, "score-1", "0, withheld 1, ")
	answers = m.ask("score-1", root) // it takes what clue-1 exported
	m.want(answers, "clue-1", "1, withheld 0, ")
	m.want(answers, "hunt-1", "0, withheld 0, ")
}

// Who does not answer, or is not linked, is named in time; the others answer.
func TestWhoDoesNotAnswerIsNamed(t *testing.T) {
	m := newMesh(t, "clue-1 score-1", "score-1 print-1", "clue-1 hunt-1", "clue-1 print-1", "clue-1 hunt-9")
	root := cause.NewID(1)
	m.sites["print-1"].know(root, stats.Handled, "clue-1", "score-1")
	m.sites["hunt-1"].deaf = true
	m.set("clue-1", "print-1", false) // it is reached by another way
	m.set("clue-1", "hunt-9", false)  // nobody expects it
	begun := time.Now()
	answers := m.ask("clue-1", root)
	if took := time.Since(begun); took > 20*time.Second { // 2 s, but for a loaded machine
		t.Errorf("it took %v", took)
	}
	m.want(answers, "print-1", "1, withheld 0, ")
	m.want(answers, "hunt-1", "0, withheld 0, it did not answer clue-1 within ")
	m.want(answers, "hunt-9", "")
	m.set("score-1", "print-1", false)
	m.want(m.ask("clue-1", root), "print-1", "0, withheld 0, its link to ")
}

// Who keeps a cascade tells those that have a part in it, each once, also when their link comes
// back.
func TestWhoHasAPartIsTold(t *testing.T) {
	m := newMesh(t, "hunt-1 clue-1", "clue-1 score-1", "clue-1 print-1")
	root, other := cause.NewID(1), cause.NewID(2)
	clue := m.sites["clue-1"]
	clue.know(root, stats.Exported, "clue-1")
	clue.know(root, stats.Handled, "print-1", "clue-1")
	m.set("clue-1", "print-1", false)
	for range 3 {
		clue.Kept(root, clue.knows)
	}
	await(t, func() bool { return len(m.sites["score-1"].wants("clue-1")) == 1 })
	m.set("clue-1", "print-1", true)
	await(t, func() bool { return len(m.sites["print-1"].wants("clue-1")) == 1 })
	// Who was told tells others, but not who told it.
	score := m.sites["score-1"]
	score.Kept(root, clue.knows)
	clue.Kept(other, []why.Record{{Root: other, Node: "clue-1", Type: "clue.clue.opened", Outcome: stats.Exported}}) // nobody takes that
	clue.Close()
	score.Close()
	if n := len(m.sites["hunt-1"].wants("clue-1")); n != 0 {
		t.Errorf("who has no part is told of %d", n)
	}
	if a, b := clue.count(clue.said, "score-1"), score.count(score.said, "clue-1"); a != 1 || b != 0 {
		t.Errorf("%d messages there, %d back", a, b)
	}
}

func (s *site) wants(peer string) []cause.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[peer]
}

func await(t *testing.T, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
	}
}

// A storm, and a peer that makes things up, cost bounded memory.
func TestWhatPeersSayIsBounded(t *testing.T) {
	m := newMesh(t, "clue-1 score-1")
	clue := m.sites["clue-1"]
	m.set("clue-1", "score-1", false)
	for i := range 100_000 {
		root := cause.NewID(int64(i))
		clue.Kept(root, []why.Record{{Root: root, Node: "clue-1", Type: solved, Outcome: stats.Stored}})
	}
	if n := clue.Untold(); n != 100_000-maxOwed {
		t.Errorf("%d are untold", n)
	}
	m.set("clue-1", "score-1", true)
	for i := range 100_000 {
		ids := []wire.ID{wire.ID(cause.NewID(int64(i)))}
		clue.Hear("score-1", &wire.Keep{Roots: ids})
		clue.Hear("score-1", &wire.Question{Number: ids[0], Wait: 1 << 63, IDs: ids})
		clue.Hear("score-1", &wire.Report{Number: ids[0], Part: []byte("x"), More: true})
	}
	clue.Close()
	clue.Neighbours.mu.Lock()
	defer clue.Neighbours.mu.Unlock()
	if p := clue.peers["score-1"]; len(p.told.known) > maxTold || len(clue.passed.known) > maxPassed || len(clue.pending) > 0 || clue.asks > 100 {
		t.Errorf("%d told, %d passed, %d pending, %d times asked", len(p.told.known), len(clue.passed.known), len(clue.pending), clue.asks)
	}
}

// What a peer answers is taken only as far as nodes write it, of itself and of those that were not
// asked themselves.
func TestAnswersThatAreMadeUp(t *testing.T) {
	m := newMesh(t, "clue-1 score-1", "clue-1 hunt-1")
	root := cause.NewID(1)
	good := why.Record{Node: "score-1", Event: root, Root: root, Type: solved, Outcome: stats.Failed, Error: "no\x1b[2Jteam"}
	bad := good
	bad.Type = "no subject"
	foreign := good
	foreign.Node = "clue-1"
	for name, test := range map[string]struct {
		part string
		want string // of the node score-1
	}{
		"no JSON":  {"{", "its answer cannot be read"},
		"too much": {strings.Repeat(" ", 900), "it answers more than clue-1 takes"},
		"nothing":  {"", ""},
	} {
		a := &asking{open: map[string][]byte{"score-1": nil}, came: make(chan arrival, 10), room: 500}
		n := m.sites["clue-1"].Neighbours
		n.mu.Lock()
		n.pending[wire.ID(root)] = a
		n.mu.Unlock()
		n.Hear("score-1", &wire.Report{Number: wire.ID(root), Part: []byte(test.part)})
		n.Hear("score-1", &wire.Report{Number: wire.ID(root), End: true})
		n.Hear("score-1", &wire.Report{Number: wire.ID(root), Part: []byte("late")})
		n.Hear("hunt-1", &wire.Report{Number: wire.ID(root), Part: []byte("not asked")})
		close(a.came)
		var problems []string
		for c := range a.came {
			if h, ok := c.heard(); ok {
				r, _ := n.read(h)
				problems = append(problems, r.Problem)
			}
		}
		if strings.Join(problems, ", ") != test.want {
			t.Errorf("%s: %q", name, problems)
		}
	}
	r, ok := tidy(why.Report{Node: "score-1", Records: []why.Record{good, bad, foreign}, Handlers: map[string][]string{"no subject": {"x"}}, More: -1})
	if !ok || len(r.Records) != 1 || r.Records[0].Error != "no [2Jteam" || len(r.Handlers) != 0 || r.More != 0 {
		t.Errorf("%+v", r)
	}
	if _, ok := tidy(why.Report{Node: "score 1"}); ok {
		t.Error("a node without a name")
	}
}

// A report that is too long says so, and a context that has ended is an error.
func TestReportsThatAreTooLong(t *testing.T) {
	m := newMesh(t, "clue-1 score-1")
	root := cause.NewID(1)
	for range 5000 {
		m.sites["score-1"].know(root, stats.Handled, "clue-1")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reports, err := m.sites["clue-1"].Ask(ctx, root)
	for err == nil && len(reports) == 2 && len(reports[1].Records) == 0 { // a busy machine takes longer than a peer may
		reports, err = m.sites["clue-1"].Ask(ctx, root)
	}
	if err != nil || len(reports) != 2 || reports[1].More == 0 || len(reports[1].Records)+reports[1].More != 5000 {
		t.Errorf("%v, %d reports", err, len(reports))
	}
	if errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
