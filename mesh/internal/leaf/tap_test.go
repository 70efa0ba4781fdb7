package leaf

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

func withTap(s *Spec) {
	s.Tap = &Tap{Listen: "127.0.0.1:0", User: "tap", Password: "secret"}
}

func (n *node) tap(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	options = append(options, nats.UserInfo(n.currentSpec().Tap.User, n.currentSpec().Tap.Password))
	c, err := nats.Connect("nats://"+n.TapAddr(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestTap(t *testing.T) {
	clue := start(t, "clue-1", withTap)
	score := start(t, "score-1", nil)
	link(t, clue, score)
	in := score.toExporter(t, "clue-1")
	imported, out := in.hear(t, ">"), clue.toReader(t, score)
	events := EventsTo("score-1", "clue-1", solved)
	out.hears(t, events)
	in.hears(t, FromReader("score-1", "clue-1"))
	local := clue.connect(t, Local)
	if n := clue.TapClients(); n != 0 || clue.Interested("clue.answer.judged.t1") {
		t.Fatalf("%d taps before the first", n)
	}

	violations := make(chan error, 10)
	tap := clue.tap(t, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
	box := subscribe(t, tap, ">", "")
	if n := clue.TapClients(); n != 1 || !clue.Interested("clue.answer.judged.t1") {
		t.Errorf("%d taps", n)
	}
	out.send(t, events, "to a reader")
	in.send(t, FromReader("score-1", "clue-1"), "from a reader")
	publish(t, local, "clue.clue.solved.t1", "in local")
	if got := box.await(t, "clue.clue.solved.t1 in local"); len(got) != 1 {
		t.Errorf("tap got %q", got)
	}

	// It emits and asks by request, and the replies arrive.
	for pattern, request := range map[string]string{"mesh.emit.>": "mesh.emit.clue.hint.taken", "mesh.ops.>": "mesh.ops.stats"} {
		if _, err := local.Subscribe(pattern, func(m *nats.Msg) { _ = m.Respond([]byte("answer")) }); err != nil {
			t.Fatal(err)
		}
		flush(t, local)
		if reply, err := tap.RequestWithContext(timeout(t), request, nil); err != nil || string(reply.Data) != "answer" {
			t.Errorf("%s: %v, %v", request, reply, err)
		}
	}
	// Everything else is refused, and reaches nobody.
	for _, subject := range []string{"clue.clue.solved.t1", "_INBOX.x", events, FromReader("score-1", "clue-1"), "$JS.API.INFO"} {
		if err := tap.Publish(subject, []byte("forged")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-violations:
			if !strings.Contains(err.Error(), "Permissions Violation") {
				t.Errorf("%s: %v", subject, err)
			}
		case <-timeout(t).Done():
			t.Errorf("%s: not refused", subject)
		}
	}
	out.send(t, events, "end")
	for _, message := range imported.await(t, events+" end") {
		if strings.Contains(message, "local") || strings.Contains(message, "forged") {
			t.Errorf("crossed the link: %q", message)
		}
	}
	tap.Close()
	local.Close()
	eventually(t, "no tap left", func() bool { return clue.TapClients() == 0 && !clue.Interested("clue.answer.judged.t1") })
}

func TestTapSurvivesLink(t *testing.T) {
	clue := start(t, "clue-1", withTap)
	score := start(t, "score-1", nil)
	dropped := make(chan struct{}, 1)
	tap := clue.tap(t, nats.DisconnectErrHandler(func(*nats.Conn, error) { dropped <- struct{}{} }))
	box := subscribe(t, tap, ">", "")
	local := clue.connect(t, Local)
	address := clue.TapAddr()
	link(t, clue, score)
	score.toExporter(t, "clue-1").linked(t)
	publish(t, local, "clue.answer.judged.t1", "after")
	box.await(t, "clue.answer.judged.t1 after")
	if clue.TapAddr() != address || len(dropped) > 0 {
		t.Error("the tap was disturbed")
	}
}

// Clients at a tap do not hear what others ask, and so not where they are answered. They can answer
// nobody. Who listens to all inboxes hears the answers: see docs/security.md.
func TestAttackAmongClientsOfATap(t *testing.T) {
	clue := start(t, "clue-1", withTap)
	local := clue.connect(t, Local)
	for _, pattern := range tapSubjects {
		if _, err := local.Subscribe(pattern, func(m *nats.Msg) { _ = m.Respond([]byte("answer")) }); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, local)
	violations := make(chan error, 10)
	spy := clue.tap(t, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
	for _, pattern := range []string{"mesh.ops.>", "mesh.ops.stats", "mesh.emit.>", "$SRV.>", "$SRV.PING"} {
		if _, err := spy.Subscribe(pattern, func(m *nats.Msg) { t.Errorf("heard %s", m.Subject) }); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-violations:
			if !strings.Contains(err.Error(), "Permissions Violation for Subscription") {
				t.Errorf("%s: %v", pattern, err)
			}
		case <-timeout(t).Done():
			t.Errorf("%s: not refused", pattern)
		}
	}
	var heard []*inbox
	for _, pattern := range []string{">", "mesh.>", "mesh.*.stats", "*.ops.*", "*.PING"} {
		heard = append(heard, subscribe(t, spy, pattern, ""))
	}
	asks := clue.tap(t)
	for _, subject := range []string{"mesh.ops.stats", "mesh.emit.clue.hint.taken", "$SRV.PING"} {
		if reply, err := asks.RequestWithContext(timeout(t), subject, nil); err != nil || string(reply.Data) != "answer" {
			t.Errorf("%s: %v, %v", subject, reply, err)
		}
	}
	for i, end := range []string{"the.end", "mesh.end", "mesh.the.stats", "end.ops.end", "end.PING"} {
		publish(t, local, end, "end")
		for _, message := range heard[i].await(t, end+" end") {
			if subject, _, _ := strings.Cut(message, " "); subject != end && !IsInbox(subject) {
				t.Errorf("heard %q", message)
			}
		}
	}
}
