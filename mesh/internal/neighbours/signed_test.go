package neighbours

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/operator"
)

// admit answers who asks with what was asked, and by which headers.
func (s *site) admit(peer string, q operator.Question) (func(context.Context) operator.Answer, bool) {
	s.mu.Lock()
	s.asks++
	s.mu.Unlock()
	return func(context.Context) operator.Answer {
		if s.slow {
			<-s.mesh.t.Context().Done()
		}
		if s.bars {
			return operator.Answer{Node: s.name, Error: "no\x1b operators", Code: 403}
		}
		text, _ := json.Marshal(fmt.Sprint(q.Subject, " ", string(q.Body), " ", q.Header.Get(operator.KeyHeader)))
		return operator.Answer{Node: s.name, Answer: text}
	}, !s.bars
}

var signed = operator.Question{Subject: "mesh.ops.all.stats", Body: []byte("1"), Header: nats.Header{operator.KeyHeader: {"U"}, operator.NonceHeader: {"N"}, operator.SignatureHeader: {"S"}}}

// askAll gives what each node answers, and those that are silent.
func (m *mesh) askAll(from string, q operator.Question) (answers map[string]string, silent []string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 1500*time.Millisecond)
	defer cancel()
	list, silent := m.sites[from].AskAll(ctx, q)
	answers = map[string]string{}
	for _, a := range list {
		if answers[a.Node] != "" {
			m.t.Errorf("%s answers twice", a.Node)
		}
		answers[a.Node] = fmt.Sprint(string(a.Answer), a.Error, a.Code)
	}
	return answers, silent
}

var chain = []string{"clue-1 score-1", "score-1 print-1", "print-1 hunt-1"}

// An operator's question reaches each node that links lead to, once, and each answers.
func TestAnOperatorAsksAll(t *testing.T) {
	for name, links := range map[string][]string{
		"chain": chain,
		"full":  {"clue-1 score-1", "score-1 print-1", "print-1 hunt-1", "clue-1 print-1", "clue-1 hunt-1", "score-1 hunt-1"},
		"ring":  {"clue-1 score-1", "score-1 print-1", "print-1 hunt-1", "hunt-1 clue-1"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMesh(t, links...)
			answers, silent := m.askAll("clue-1", signed)
			for _, node := range []string{"score-1", "print-1", "hunt-1"} {
				if answers[node] != `"mesh.ops.all.stats 1 U"0` {
					t.Errorf("%s answers %s", node, answers[node])
				}
				if s := m.sites[node]; s.asks != 1 {
					t.Errorf("%s was asked %d times", node, s.asks)
				}
			}
			if len(answers) != 3 || len(silent) != 0 {
				t.Errorf("%v, silent %v", answers, silent)
			}
		})
	}
}

// Who does not answer in time, or whose link is down, is named by the one next to it.
func TestSilentNodesAreNamed(t *testing.T) {
	for name, test := range map[string]struct {
		trouble func(m *mesh)
		silent  string
	}{
		"deaf":      {func(m *mesh) { m.sites["print-1"].deaf = true }, "[print-1]"}, // what it passes on does not arrive
		"slow":      {func(m *mesh) { m.sites["hunt-1"].slow = true }, "[hunt-1]"},
		"link down": {func(m *mesh) { m.set("print-1", "hunt-1", false) }, "[hunt-1]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMesh(t, chain...)
			test.trouble(m)
			begun := time.Now()
			answers, silent := m.askAll("clue-1", signed)
			if fmt.Sprint(silent) != test.silent || len(answers)+len(silent) > 3 || answers["score-1"] == "" {
				t.Errorf("%v, silent %v", answers, silent)
			}
			if took := time.Since(begun); took > 20*time.Second { // 1.5 s, but for a loaded machine
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A node that does not know who asks says so, and asks nobody.
func TestAQuestionOfNobodyGoesNoFurther(t *testing.T) {
	m := newMesh(t, chain...)
	m.sites["score-1"].bars = true
	answers, silent := m.askAll("clue-1", signed)
	if len(answers) != 1 || answers["score-1"] != "no  operators403" || len(silent) != 0 || m.sites["print-1"].asks != 0 {
		t.Errorf("%v, silent %v, print-1 was asked %d times", answers, silent, m.sites["print-1"].asks)
	}
}

// A peer that passes on too many questions is told so, and one that says what no node says is taken
// for silent.
func TestPeersThatPassOnTooMuch(t *testing.T) {
	m := newMesh(t, "clue-1 score-1", "score-1 hunt-1")
	s := m.sites["score-1"]
	for i := range signedBurst + 20 {
		s.Hear("clue-1", &wire.SignedQuestion{Number: wire.ID{1, byte(i), byte(i >> 8)}, Wait: uint64(minWait)})
	}
	await(t, func() bool {
		s.Neighbours.mu.Lock()
		defer s.Neighbours.mu.Unlock()
		return s.signed == 0
	})
	if s.asks > signedBurst+10 {
		t.Errorf("%d were answered", s.asks)
	}
	if answers, _ := m.askAll("hunt-1", signed); answers["score-1"] == "" { // another peer
		t.Errorf("%v", answers)
	}
	n := m.sites["clue-1"].Neighbours
	for _, report := range []string{"{", `{"node":"no node"}`, `{"node":"score-1","answer":`} {
		if got := n.readSigned(heard{from: "score-1", report: []byte(report)}); !got.Silent || got.Node != "score-1" {
			t.Errorf("%s: %+v", report, got)
		}
	}
}

// An answer that is too long for links says so, and a question that is too long for one is not
// asked there.
func TestAnswersThatAreTooLong(t *testing.T) {
	m := newMesh(t, "clue-1 score-1")
	m.room = 4 << 10
	long := signed
	long.Body = []byte(strings.Repeat("x", 3<<10))
	if answers, silent := m.askAll("clue-1", long); !strings.Contains(answers["score-1"], "xxx") || len(silent) != 0 {
		t.Errorf("%d answers, silent %v", len(answers), silent)
	}
	long.Body = []byte(strings.Repeat("x", 4<<10))
	if answers, silent := m.askAll("clue-1", long); len(answers) != 0 || !slices.Equal(silent, []string{"score-1"}) {
		t.Errorf("%v, silent %v", answers, silent)
	}
	n := m.sites["score-1"].Neighbours
	number := wire.ID{9}
	a := &asking{open: map[string][]byte{"score-1": nil}, came: make(chan arrival, 10), room: maxBytes}
	asker := m.sites["clue-1"].Neighbours
	asker.mu.Lock()
	asker.pending[number] = a
	asker.mu.Unlock()
	n.tellSigned("clue-1", number, told{Answer: operator.Answer{Node: "score-1", Answer: json.RawMessage(`"` + strings.Repeat("x", maxReport) + `"`)}})
	h, _ := (<-a.came).heard()
	if got := asker.readSigned(h); got.Code != 413 {
		t.Errorf("%+v", got)
	}
}
