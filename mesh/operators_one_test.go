package mesh_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/operator"
	"leafmesh/mesh/stats"
)

// A question to one node is answered by this one alone, from the other end of a chain of nodes, and
// what an operator may do there counts, not what those on the way let them do.
func TestAnOperatorAsksOneNode(t *testing.T) {
	ada := newSigner(t, "ada", config.MayRead)
	changes := ada.Operator
	changes.May = config.MayChange
	nodes, conn := chained(t, []mesh.Operator{ada.Operator}, func(i int, c *mesh.Config) {
		if c.Name == "print-1" {
			c.Operators = []mesh.Operator{changes}
		}
	})
	ask := func(m *nats.Msg) (all operator.Answers) {
		t.Helper()
		data, problem := send(t, conn, m)
		if problem != "" {
			t.Fatal(problem)
		}
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, name := range []string{"clue-1", "score-1", "print-1"} {
		all := ask(ada.signed(operator.AtPrefix+name+".health", ""))
		var h stats.NodeHealth
		if len(all.Answers) != 1 || len(all.Silent) != 0 || json.Unmarshal(all.Answers[0].Answer, &h) != nil || h.Node != name {
			t.Errorf("%s: %+v", name, all)
		}
	}
	if all := ask(ada.signed(operator.AtPrefix+"gone-1.health", "")); len(all.Answers) != 0 || len(all.Silent) != 1 || all.Silent[0] != "gone-1" {
		t.Errorf("a node that is not there: %+v", all)
	}
	cut := func(node, subject string) *nats.Msg {
		return ada.signed(operator.AtPrefix+node+".cut", `{"type":"`+subject+`","place":"handler pass"}`)
	}
	once := cut("print-1", "hunt.chain.passed")
	if all := ask(once); len(all.Answers) != 1 || string(all.Answers[0].Answer) != "{}" {
		t.Errorf("a change: %+v", all)
	}
	if all := ask(cut("hunt-1", "score.chain.passed")); len(all.Answers) != 1 || all.Answers[0].Code != 403 || !strings.HasPrefix(all.Answers[0].Error, "operator ada may not change anything on node hunt-1") {
		t.Errorf("a change where ada only reads: %+v", all)
	}
	for _, n := range nodes {
		for _, p := range n.Places() {
			if p.Cut != (n.Name() == "print-1" && p.Place == "handler pass") {
				t.Errorf("%s: %+v", n.Name(), p)
			}
		}
	}
	for name, test := range map[string]struct {
		ask  *nats.Msg
		want string
	}{
		"again":             {once, "403 node clue-1: the question was asked before"},
		"of another node":   {moved(cut("print-1", "hunt.chain.passed"), operator.AtPrefix+"hunt-1.cut"), "403 node clue-1: the signature of the question is wrong"},
		"of all":            {moved(cut("print-1", "hunt.chain.passed"), operator.AllPrefix+"cut"), "403 node clue-1: the signature of the question is wrong"},
		"unsigned":          {&nats.Msg{Subject: operator.AtPrefix + "print-1.stats"}, "403 node clue-1: the question is not signed"},
		"of no node":        {ada.signed(operator.AtPrefix+"stats", ""), `403 node clue-1: "mesh.ops.at.stats" is no question to all nodes`},
		"what nobody knows": {ada.signed(operator.AtPrefix+"print-1.nonsense", ""), `404 nothing is known as "nonsense"`},
		"here, who reads":   {cut("clue-1", "clue.chain.passed"), "403 operator ada may not change anything on node clue-1"},
	} {
		if _, problem := send(t, conn, test.ask); !strings.HasPrefix(problem, test.want) {
			t.Errorf("%s: %q, want %q", name, problem, test.want)
		}
	}
}

// Who is refused stands in the log of the node that refuses it, with what they asked: one line for
// each question, however often it comes. Through another node the line names that, too.
func TestWhatIsRefusedIsLogged(t *testing.T) {
	ada, eve := newSigner(t, "ada", config.MayRead), newSigner(t, "eve", config.MayChange)
	logs := map[string]*logged{}
	_, conn := chained(t, []mesh.Operator{ada.Operator}, func(_ int, c *mesh.Config) {
		logs[c.Name] = &logged{}
		c.Logger = slog.New(slog.NewTextHandler(logs[c.Name], nil))
	})
	cut := `{"type":"clue.chain.passed","handler":"pass"}`
	for _, m := range []*nats.Msg{ada.signed("mesh.ops.cut", cut), ada.signed("mesh.ops.cut", cut), ada.signed("mesh.ops.reload", ""),
		ada.signed("mesh.ops.all.limit.set", "{}"), eve.signed("mesh.ops.restore", cut)} {
		if _, problem := send(t, conn, m); !strings.HasPrefix(problem, "403 ") {
			t.Errorf("%s: %q", m.Subject, problem)
		}
	}
	if _, problem := send(t, conn, ada.signed("mesh.ops.at.print-1.cut", cut)); problem != "" {
		t.Error(problem)
	}
	const refused = `level=WARN msg="an operator's question is refused" node=`
	for node, lines := range map[string][]string{
		"clue-1": {"clue-1 question=cut operator=ada data=", "clue-1 question=reload operator=ada data=", "clue-1 question=limit.set operator=ada data={} error=",
			"clue-1 question=restore signer=" + eve.Key + " error="},
		"print-1": {`print-1 question=cut operator=ada data="{\"type\":\"clue.chain.passed\",\"handler\":\"pass\"}" peer=hunt-1 error="operator ada may not change anything on node print-1`},
		"hunt-1":  nil,
	} {
		for _, line := range lines { // a second has no more than some
			await(t, node+" to log "+line, func() bool { return strings.Count(logs[node].String(), refused+line) == 1 })
		}
		if text := logs[node].String(); strings.Count(text, refused) != len(lines) {
			t.Errorf("%s: want %d lines:\n%s", node, len(lines), text)
		}
	}
}

func moved(m *nats.Msg, subject string) *nats.Msg {
	m.Subject = subject
	return m
}

// Whoever asks is told what they may do on each node, so that nothing is offered that would be
// refused.
func TestAnOperatorAsksWhatTheyMay(t *testing.T) {
	ada := newSigner(t, "ada", "") // to read, if the file says nothing
	changes := ada.Operator
	changes.May = config.MayChange
	_, conn := chained(t, []mesh.Operator{ada.Operator}, func(_ int, c *mesh.Config) {
		if c.Name == "print-1" {
			c.Operators = []mesh.Operator{changes}
		}
	})
	may := map[string]config.Rights{}
	for _, a := range ada.ask(conn, "may", "").Answers {
		var rights config.Rights
		if err := json.Unmarshal(a.Answer, &rights); err != nil {
			t.Errorf("%+v: %v", a, err)
		}
		may[a.Node] = rights
	}
	if len(may) < 4 {
		t.Errorf("%+v", may)
	}
	for node, rights := range may {
		want := config.Rights{Operator: "ada", May: config.MayRead}
		if node == "print-1" {
			want.May = config.MayChange
		}
		if rights != want {
			t.Errorf("%s: %+v, want %+v", node, rights, want)
		}
	}
	for want, m := range map[config.Rights]*nats.Msg{
		{Operator: "tap", May: config.MayChange}: {Subject: "mesh.ops.may"},
		{Operator: "ada", May: config.MayRead}:   ada.signed("mesh.ops.may", ""),
	} {
		data, problem := send(t, conn, m)
		var rights config.Rights
		if problem != "" || json.Unmarshal(data, &rights) != nil || rights != want {
			t.Errorf("%s %s, want %+v", data, problem, want)
		}
	}
}
