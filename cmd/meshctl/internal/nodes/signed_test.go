package nodes_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/cmd/meshctl/internal/nodes"
)

// tapAt is the tap at an address with a user.
func tapAt(url string) nodes.Tap {
	_, address, _ := strings.Cut(url, "@")
	return nodes.Tap{URL: "nats://" + address, User: "operator", Password: "secret"}
}

func operator(t *testing.T) nkeys.KeyPair {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// verify reports what is wrong with the signature of a request, as a node checks it.
func verify(m *nats.Msg, seen map[string]bool) string {
	var expires int64
	if _, err := fmt.Sscan(m.Header.Get("Mesh-Expires"), &expires); err != nil {
		return "no expiry"
	}
	if in := time.Until(time.Unix(expires, 0)); in <= 0 || in > time.Minute {
		return "expires in " + in.String()
	}
	nonce := m.Header.Get("Mesh-Nonce")
	if nonce == "" || seen[nonce] {
		return "nonce " + nonce
	}
	seen[nonce] = true
	public, err := nkeys.FromPublicKey(m.Header.Get("Mesh-Operator"))
	if err != nil {
		return err.Error()
	}
	signature, err := base64.RawURLEncoding.DecodeString(m.Header.Get("Mesh-Signature"))
	if err != nil {
		return err.Error()
	}
	hash := sha256.Sum256(m.Data)
	if err := public.Verify([]byte(strings.Join([]string{m.Subject, nonce, m.Header.Get("Mesh-Expires"), hex.EncodeToString(hash[:])}, "\n")), signature); err != nil {
		return err.Error()
	}
	return ""
}

// All nodes are asked through one tap, the first that can be reached, in as many messages as it
// takes, and each question is signed anew.
func TestSignedAsksAllNodes(t *testing.T) {
	seen := map[string]bool{}
	asked := 0
	tap := faketap.Open(t, "clue-1", func(m *nats.Msg) *nats.Msg {
		if problem := verify(m, seen); problem != "" {
			t.Errorf("%s: %s", m.Subject, problem)
		}
		if m.Subject != "mesh.ops.all.letter" || string(m.Data) != "key" {
			t.Errorf("asked %s with %q", m.Subject, m.Data)
		}
		asked++
		switch m.Header.Get("Mesh-Skip") {
		case "0":
			return &nats.Msg{Data: []byte(`{"answers":[{"node":"clue-1","answer":{"a":1}}],"silent":["hunt-1"],"more":1}`)}
		case "1":
			return &nats.Msg{Data: []byte(`{"answers":[{"node":"score-1","error":"no such letter","code":404}],"silent":["hunt-1"]}`)}
		}
		return faketap.Fail(400, "skipped "+m.Header.Get("Mesh-Skip"))
	})
	m := nodes.Signed([]nodes.Tap{{Name: "gone-1", URL: "nats://127.0.0.1:1"}, tapAt(tap)}, operator(t))
	defer m.Close()
	answers := m.Ask(t.Context(), "letter", []byte("key"))
	got := ""
	for _, a := range answers {
		got += fmt.Sprintf("%s %s %v\n", a.Node, a.Data, a.Err)
	}
	want := `clue-1 {"a":1} <nil>
hunt-1  it did not answer in time, or no link leads there
score-1  no such letter
`
	if got != want || asked != 2 {
		t.Errorf("asked %d times, got\n%s", asked, got)
	}
	if !nodes.IsUnknown(answers[2].Err) || nodes.IsUnknown(answers[1].Err) {
		t.Errorf("what is not known: %v, %v", answers[2].Err, answers[1].Err)
	}
}

// What is not to be the same on all nodes is asked at the node's own tap or through another node.
// It is signed either way: without a signature, an operator who may read alone could change a node.
func TestSignedAsksOneNodeAtItsTap(t *testing.T) {
	seen := map[string]bool{}
	tap := faketap.Open(t, "clue-1", func(m *nats.Msg) *nats.Msg {
		switch m.Subject {
		case "mesh.ops.at.score-1.rules":
			if problem := verify(m, seen); problem != "" {
				t.Error(problem)
			}
			return &nats.Msg{Data: []byte(`{"answers":[{"node":"score-1","answer":[]}]}`)}
		case "mesh.ops.at.hunt-1.rules":
			return &nats.Msg{Data: []byte(`{"answers":[],"silent":["hunt-1"]}`)}
		case "mesh.ops.at.print-1.rules":
			return faketap.Fail(404, "an older version")
		}
		if problem := verify(m, seen); problem != "" {
			t.Errorf("%s: %s", m.Subject, problem)
		}
		return &nats.Msg{Data: []byte(m.Subject)}
	})
	m := nodes.Signed([]nodes.Tap{tapAt(tap)}, operator(t))
	defer m.Close()
	if a := m.AskOne(t.Context(), "clue-1", "rules", nil); a.Err != nil || string(a.Data) != "mesh.ops.rules" {
		t.Errorf("%s, %v", a.Data, a.Err)
	}
	if a := m.AskOne(t.Context(), "score-1", "rules", nil); a.Err != nil || string(a.Data) != "[]" || a.Node != "score-1" {
		t.Errorf("%s, %v", a.Data, a.Err)
	}
	if a := m.AskOne(t.Context(), "hunt-1", "rules", nil); a.Err != nodes.ErrSilent || a.Node != "hunt-1" {
		t.Errorf("%s, %v", a.Data, a.Err)
	}
	if a := m.AskOne(t.Context(), "print-1", "rules", nil); !nodes.IsUnknown(a.Err) || a.Node != "print-1" {
		t.Errorf("%s, %v", a.Data, a.Err)
	}
}

// A node takes 50 signed questions a second of an operator. Whoever replays more letters waits.
func TestSignedAsksAgain(t *testing.T) {
	seen, asked := map[string]bool{}, 0
	tap := faketap.Open(t, "clue-1", func(m *nats.Msg) *nats.Msg {
		if problem := verify(m, seen); problem != "" {
			t.Errorf("%s: %s", m.Subject, problem)
		}
		if asked++; asked == 1 {
			return faketap.Fail(429, "too many questions")
		}
		return &nats.Msg{Data: []byte("done")}
	})
	m := nodes.Signed([]nodes.Tap{tapAt(tap)}, operator(t))
	defer m.Close()
	if a := m.AskOne(t.Context(), "clue-1", "letter.replay", nil); a.Err != nil || string(a.Data) != "done" || asked != 2 {
		t.Errorf("asked %d times: %s, %v", asked, a.Data, a.Err)
	}
}

func TestSignedIsRefused(t *testing.T) {
	for _, test := range []struct {
		answer *nats.Msg
		want   string
	}{
		{faketap.Fail(403, "clue-1 names no operators: name them under operators"), "clue-1 names no operators: name them under operators"},
		{&nats.Msg{Data: []byte(`[]`)}, "an answer that cannot be read: "},
		{&nats.Msg{Data: []byte(`{"more":3}`)}, "an answer of one node is larger than a message: raise max_payload"},
	} {
		tap := faketap.Open(t, "clue-1", func(*nats.Msg) *nats.Msg { return test.answer })
		m := nodes.Signed([]nodes.Tap{tapAt(tap)}, operator(t))
		answers := m.Ask(t.Context(), "stats", nil)
		if len(answers) != 1 || answers[0].Node != "clue-1" || answers[0].Err == nil || !strings.HasPrefix(answers[0].Err.Error(), test.want) {
			t.Errorf("%+v, want %s", answers, test.want)
		}
		m.Close()
	}
}

// A node of which two taps are given is asked once; one that cannot be reached is named.
func TestDirect(t *testing.T) {
	asked := 0
	tap := faketap.Open(t, "clue-1", func(*nats.Msg) *nats.Msg { asked++; return &nats.Msg{Data: []byte("{}")} })
	m := nodes.Direct([]nodes.Tap{tapAt(tap), {Name: "score-1", URL: "nats://127.0.0.1:1"}, tapAt(tap)})
	defer m.Close()
	answers := m.Ask(t.Context(), "letter.drop", []byte("key"))
	if len(answers) != 2 || asked != 1 || answers[0].Node != "clue-1" || answers[0].Err != nil || answers[1].Node != "score-1" || answers[1].Err == nil {
		t.Errorf("asked %d times: %+v", asked, answers)
	}
	at := time.Now().Add(time.Hour)
	if d, within := answers[0].Clock(at.UnixNano()); d < 59*time.Minute || d > 61*time.Minute || within <= 0 || within > time.Minute {
		t.Errorf("the clock: %v within %v", d, within)
	}
}
