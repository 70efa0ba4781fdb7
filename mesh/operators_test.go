package mesh_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/operator"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// signer is an operator who asks.
type signer struct {
	t    *testing.T
	pair nkeys.KeyPair
	mesh.Operator
}

func newSigner(t *testing.T, name string, may config.May) signer {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return signer{t, pair, mesh.Operator{Name: name, Key: key, May: may}}
}

// signed is a signed request.
func (s signer) signed(subject, body string) *nats.Msg {
	s.t.Helper()
	header, err := operator.Sign(s.pair, subject, []byte(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return &nats.Msg{Subject: subject, Header: header, Data: []byte(body)}
}

// send sends a request and gives the answer, or the error with its code.
func send(t *testing.T, conn *nats.Conn, m *nats.Msg) (data []byte, problem string) {
	t.Helper()
	reply, err := conn.RequestMsgWithContext(within(t), m)
	if err != nil {
		t.Fatalf("%s: %v", m.Subject, err)
	}
	if code := reply.Header.Get("Nats-Service-Error-Code"); code != "" {
		problem = code + " " + reply.Header.Get("Nats-Service-Error")
	}
	return reply.Data, problem
}

// ask asks all nodes.
func (s signer) ask(conn *nats.Conn, question, body string) (all operator.Answers) {
	s.t.Helper()
	data, problem := send(s.t, conn, s.signed(operator.AllPrefix+question, body))
	if problem != "" {
		s.t.Fatalf("%s: %s", question, problem)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// chained are four nodes, each of which imports from the one before, with a tap and a client at the
// first.
func chained(t *testing.T, operators []mesh.Operator, change ...func(i int, c *mesh.Config)) (inproc.Nodes, *nats.Conn) {
	t.Helper()
	var nodes []mesh.Config
	var before *mesh.Event[step]
	for i, service := range []string{"clue", "score", "hunt", "print"} {
		event := mesh.NewEvent[step](service+".chain.passed", mesh.Key(keyOfStep))
		c := mesh.Config{Name: service + "-1", Operators: operators, Exports: []mesh.Export{event.Export(mesh.Limit{})}}
		if before != nil {
			c.Imports = []mesh.Import{before.Import(mesh.Limit{}, mesh.Shared)}
			c.Handlers = []mesh.Handler{before.Handle("pass", nothing)}
		}
		for _, f := range change {
			f(i, &c)
		}
		nodes, before = append(nodes, c), event
	}
	return tapped(t, nodes[0], nodes[1:]...)
}

// The question of an operator at one end of a chain of nodes is answered by the one at the other
// end, and by each once.
func TestAnOperatorAsksTheWholeMesh(t *testing.T) {
	ada := newSigner(t, "ada", config.MayRead)
	_, conn := chained(t, []mesh.Operator{ada.Operator})
	all := ada.ask(conn, "health", "")
	var names []string
	for _, a := range all.Answers {
		var h stats.NodeHealth
		if err := json.Unmarshal(a.Answer, &h); err != nil || a.Error != "" || h.Node != a.Node || !h.Ready || h.Wire != wire.TalkVersion || h.Version == "" || time.Since(h.UpSince) > time.Minute {
			t.Errorf("%s: %+v, %v, %s", a.Node, h, err, a.Error)
		}
		names = append(names, a.Node)
	}
	if !slices.Equal(names, []string{"clue-1", "hunt-1", "print-1", "score-1"}) || len(all.Silent) != 0 || all.More != 0 {
		t.Errorf("%v, silent %v, more %d", names, all.Silent, all.More)
	}
	for _, a := range ada.ask(conn, "graph.mermaid", "").Answers { // a text
		var text string
		if err := json.Unmarshal(a.Answer, &text); err != nil || !strings.Contains(text, "chain") {
			t.Errorf("%s: %s", a.Node, a.Answer)
		}
	}
	// Each tells all it knows of a cascade, whoever had a part in it.
	for _, a := range ada.ask(conn, "why", "01a224da-d392-7d87-aad1-c3eb9ff9e4d3").Answers {
		var one why.Answer
		if err := json.Unmarshal(a.Answer, &one); err != nil || len(one.Reports) != 1 || one.Reports[0].Node != a.Node {
			t.Errorf("%s: %s %s", a.Node, a.Answer, a.Error)
		}
	}
}

// What nobody may ask is refused, with the remedy.
func TestWhoMayNotAskTheWholeMesh(t *testing.T) {
	ada, eve, max := newSigner(t, "ada", config.MayRead), newSigner(t, "eve", config.MayChange), newSigner(t, "max", config.MayChange)
	_, conn := chained(t, []mesh.Operator{ada.Operator, max.Operator})
	once := ada.signed("mesh.ops.all.rules", "")
	if _, problem := send(t, conn, once); problem != "" {
		t.Fatal(problem)
	}
	with := func(m *nats.Msg, change func(*nats.Msg)) *nats.Msg { change(m); return m }
	cut := `{"type":"clue.chain.passed","handler":"pass"}`
	for name, test := range map[string]struct {
		ask  *nats.Msg
		want string
	}{
		"unsigned":                  {&nats.Msg{Subject: "mesh.ops.all.stats"}, "403 node clue-1: the question is not signed: sign it with the key of an operator"},
		"a stranger":                {eve.signed("mesh.ops.all.stats", ""), "403 node clue-1 knows no operator with the key " + eve.Key + ": name it under operators in its file"},
		"again":                     {once, "403 node clue-1: the question was asked before"},
		"with another subject":      {with(ada.signed("mesh.ops.all.stats", ""), func(m *nats.Msg) { m.Subject = "mesh.ops.all.rules" }), "403 node clue-1: the signature of the question is wrong"},
		"with another body":         {with(ada.signed("mesh.ops.all.letters", "1"), func(m *nats.Msg) { m.Data = []byte("2") }), "403 node clue-1: the signature of the question is wrong"},
		"late":                      {with(ada.signed("mesh.ops.all.stats", ""), func(m *nats.Msg) { m.Header.Set(operator.ExpiresHeader, "1") }), "403 node clue-1: the question is out of its time: it ended "},
		"to change, who reads":      {ada.signed("mesh.ops.all.cut", cut), "403 operator ada may not change anything on node clue-1: write may: change there"},
		"to change one, who reads":  {ada.signed("mesh.ops.cut", cut), "403 operator ada may not change anything on node clue-1"},
		"one node, a stranger":      {eve.signed("mesh.ops.stats", ""), "403 node clue-1 knows no operator with the key"},
		"what nobody knows":         {ada.signed("mesh.ops.all.nonsense", ""), `404 nothing is known as "nonsense": ask for stats, `},
		"pages of what changes":     {with(max.signed("mesh.ops.all.cut", cut), func(m *nats.Msg) { m.Header.Set(operator.SkipHeader, "1") }), "410 the answers to cut are kept for 30s"},
		"a page that is no number":  {with(ada.signed("mesh.ops.all.stats", ""), func(m *nats.Msg) { m.Header.Set(operator.SkipHeader, "x") }), "400 Mesh-Skip is how many nodes' answers to leave out"},
		"signed for one, asks all":  {with(ada.signed("mesh.ops.stats", ""), func(m *nats.Msg) { m.Subject = "mesh.ops.all.stats" }), "403 node clue-1: the signature of the question is wrong"},
		"changes one node unsigned": {&nats.Msg{Subject: "mesh.ops.rules.set", Data: []byte("[]")}, ""}, // the tap's password is enough
	} {
		if _, problem := send(t, conn, test.ask); !strings.HasPrefix(problem, test.want) || (problem == "") != (test.want == "") {
			t.Errorf("%s: %q, want %q", name, problem, test.want)
		}
	}
}

// A node whose file names no operators answers nobody over the mesh, says what to do, and passes
// nothing on; why is answered without a signature, as before.
func TestWithoutOperators(t *testing.T) {
	ada := newSigner(t, "ada", config.MayRead)
	_, conn := chained(t, []mesh.Operator{ada.Operator}, func(i int, c *mesh.Config) {
		if i == 1 {
			c.Operators = nil
		}
	})
	all := ada.ask(conn, "stats", "")
	if len(all.Answers) != 2 || len(all.Silent) != 0 || all.Answers[1].Node != "score-1" || all.Answers[1].Code != 403 ||
		!strings.HasPrefix(all.Answers[1].Error, "node score-1 knows no operators: name them under operators in its file") {
		t.Errorf("%+v", all)
	}
	_, alone := tapped(t, mesh.Config{Name: "core-1"})
	if _, problem := send(t, alone, ada.signed("mesh.ops.all.stats", "")); !strings.HasPrefix(problem, "403 node core-1 knows no operators: name them under operators") {
		t.Error(problem)
	}
	if _, problem := send(t, alone, &nats.Msg{Subject: "mesh.ops.why", Data: []byte("01a224da-d392-7d87-aad1-c3eb9ff9e4d3")}); problem != "" {
		t.Error(problem)
	}
}

// A node that is gone is named by the one that knows it, and all answers come within 2 s.
func TestANodeThatIsSilentIsNamed(t *testing.T) {
	ada := newSigner(t, "ada", config.MayRead)
	nodes, conn := chained(t, []mesh.Operator{ada.Operator})
	if err := nodes.Node("print-1").Close(within(t)); err != nil {
		t.Fatal(err)
	}
	await(t, "the link to be seen gone", func() bool {
		begun := time.Now()
		all := ada.ask(conn, "health", "")
		if took := time.Since(begun); took > 10*time.Second { // 2 s on a machine that does nothing else
			t.Errorf("it took %v", took)
		}
		return len(all.Answers) == 3 && slices.Equal(all.Silent, []string{"print-1"})
	})
	var h stats.NodeHealth
	for _, a := range ada.ask(conn, "health", "").Answers {
		if err := json.Unmarshal(a.Answer, &h); err != nil {
			t.Fatal(err)
		}
		if told := slices.Contains(h.Others, "link from print-1: not connected, and it imports from this node"); told != (a.Node == "hunt-1") || !h.Ready {
			t.Errorf("%+v", h)
		}
	}
}

// What one operator changes on all nodes is changed where there is something to change, and the log
// says who it was. The others say that there is not, which is no failure.
func TestAnOperatorChangesTheWholeMesh(t *testing.T) {
	max := newSigner(t, "max", config.MayChange)
	var log logged
	nodes, conn := chained(t, []mesh.Operator{max.Operator}, func(_ int, c *mesh.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	all := max.ask(conn, "cut", `{"type":"score.chain.passed","handler":"pass","for":"1h"}`)
	for _, a := range all.Answers {
		switch a.Node {
		case "hunt-1":
			if string(a.Answer) != "{}" {
				t.Errorf("%+v", a)
			}
		default:
			if a.Code != 404 {
				t.Errorf("%+v", a)
			}
		}
	}
	changes := nodes.Node("hunt-1").Stats().Changes
	if len(all.Answers) != 4 || len(changes) != 1 || changes[0].What != "cut" || changes[0].Place != "handler pass" || changes[0].By != "max" || time.Until(changes[0].Until) < 50*time.Minute {
		t.Errorf("%d answers, %+v", len(all.Answers), changes)
	}
	if text := log.String(); strings.Count(text, "an operator changed the node") != 1 || strings.Contains(text, "could not") || strings.Contains(text, "level=WARN") || !strings.Contains(text, "node=hunt-1 operator=max question=cut") {
		t.Errorf("%s", text)
	}
}

// More answers than a message has room for come in several, without asking twice.
func TestAnswersOfAllComeInPages(t *testing.T) {
	ada := newSigner(t, "ada", config.MayRead)
	rule := mesh.Rule{Name: strings.Repeat("x", 700), Event: ">", Limit: slowly(1)}
	_, conn := chained(t, []mesh.Operator{ada.Operator}, func(_ int, c *mesh.Config) { c.MaxPayload, c.Limits = 2<<10, []mesh.Rule{rule} })
	var names []string
	for skip := 0; len(names) < 10; {
		m := ada.signed("mesh.ops.all.rules", "")
		m.Header.Set(operator.SkipHeader, fmt.Sprint(skip))
		data, problem := send(t, conn, m)
		var page operator.Answers
		if err := json.Unmarshal(data, &page); err != nil || len(data) > 2<<10 {
			t.Fatalf("%v, %s, %d bytes", err, problem, len(data))
		}
		for _, a := range page.Answers {
			if !strings.Contains(string(a.Answer), "xxx") {
				t.Errorf("%s: %+v", a.Node, a)
			}
			names = append(names, a.Node)
		}
		if skip += len(page.Answers); page.More == 0 {
			break
		}
		if len(names)+page.More != 4 {
			t.Errorf("%d and %d more", len(names), page.More)
		}
	}
	if !slices.Equal(names, []string{"clue-1", "hunt-1", "print-1", "score-1"}) {
		t.Errorf("%v", names)
	}
}

// A peer that speaks by hand passes on questions that nobody signed, that it signed itself, that it
// heard before, and that it changed: it learns nothing, and nothing changes.
func TestAPeerAsksInNobodysName(t *testing.T) {
	ada, rogue := newSigner(t, "ada", config.MayRead), newSigner(t, "ada", config.MayChange)
	c := clueNode("clue-1")
	c.Operators = []mesh.Operator{ada.Operator}
	c.Limits = []mesh.Rule{{Name: "secret", Event: "clue.clue.solved", Limit: slowly(1)}}
	clue, seeds := atClue(t, c, "score-1")
	r := dialRogue(t, clue.ListenAddr(), seeds["score-1"], "score-1")
	to, from := leaf.ToReader("score-1", "clue-1"), leaf.FromReader("score-1", "clue-1")
	r.say("LS+ %s", to)
	r.publish(from, "x", encodeTalk(t, &wire.Hello{Nonce: wire.ID{1}, MaxPayload: 65536, Imports: []wire.HelloImport{{Type: clueSolved.Subject()}}}))
	number := byte(0)
	passOn := func(m *nats.Msg) (heard string) {
		number++
		h := m.Header
		r.publish(from, "x", encodeTalk(t, &wire.SignedQuestion{Number: wire.ID{number}, Wait: uint64(time.Second), Subject: m.Subject, Body: m.Data,
			Operator: h.Get(operator.KeyHeader), Nonce: h.Get(operator.NonceHeader), Expires: h.Get(operator.ExpiresHeader), Signature: h.Get(operator.SignatureHeader)}))
		await(t, "an answer", func() bool {
			text, ended := r.heard()
			if heard += text; ended {
				t.Fatalf("the link ended: %q", heard)
			}
			return strings.Contains(heard, `"node":"clue-1"`)
		})
		return heard
	}
	once := ada.signed("mesh.ops.all.rules", "")
	if got := passOn(once); !strings.Contains(got, "secret") {
		t.Fatalf("what ada asked is not answered: %q", got)
	}
	forged := rogue.signed("mesh.ops.all.rules", "")
	forged.Header.Set(operator.KeyHeader, ada.Key)
	moved := ada.signed("mesh.ops.all.stats", "")
	moved.Subject = "mesh.ops.all.rules"
	for name, m := range map[string]*nats.Msg{
		"unsigned":           {Subject: "mesh.ops.all.rules"},
		"of its own":         rogue.signed("mesh.ops.all.rules", ""),
		"forged":             forged,
		"replayed":           once,
		"changed":            moved,
		"for one node":       ada.signed("mesh.ops.rules", ""),
		"that changes":       ada.signed("mesh.ops.all.rules.set", "[]"),
		"that is no subject": ada.signed("rules", ""),
	} {
		if got := passOn(m); !strings.Contains(got, `"code":403`) || strings.Contains(got, "secret") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if len(clue.Rules()) != 1 {
		t.Errorf("%+v", clue.Rules())
	}
}
