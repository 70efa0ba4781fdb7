package nodes_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/cmd/meshctl/internal/faketap"
	"leafmesh/cmd/meshctl/internal/nodes"
)

// well answers whatever it is asked.
func well(*nats.Msg) *nats.Msg { return &nats.Msg{Data: []byte("{}")} }

// A node that hangs is dialed once, however much all are asked. Another one that is named is asked
// without it.
func TestANodeThatHangsIsDialedOnce(t *testing.T) {
	var dialed atomic.Int32
	hangs := tapAt(faketap.Hang(t, func(conn net.Conn) {
		dialed.Add(1)
		time.AfterFunc(time.Second, func() { _ = conn.Close() }) // in place of a timeout of 5 s
	}))
	hangs.Name = "hunt-1"
	clue := tapAt(faketap.Open(t, "clue-1", well))
	clue.Name = "clue-1"
	m := nodes.Direct([]nodes.Tap{hangs, clue})
	defer m.Close()
	if a := m.AskOne(t.Context(), "clue-1", "stats", nil); a.Err != nil || dialed.Load() != 0 {
		t.Errorf("clue-1 alone: %v, and the other one was dialed %d times", a.Err, dialed.Load())
	}
	for range 3 {
		answers := m.Ask(t.Context(), "stats", nil)
		if len(answers) != 2 || answers[0].Node != "clue-1" || answers[0].Err != nil || answers[1].Node != "hunt-1" || answers[1].Err == nil {
			t.Fatalf("%+v", answers)
		}
	}
	if a := m.AskOne(t.Context(), "hunt-1", "stats", nil); a.Err == nil || dialed.Load() != 1 {
		t.Errorf("%v; it was dialed %d times", a.Err, dialed.Load())
	}
}

// A node that was started again is asked at once: that nobody listened is found out quickly.
func TestANodeThatComesBackIsAsked(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tap := nodes.Tap{Name: "clue-1", URL: "nats://" + listener.Addr().String()}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	m := nodes.Direct([]nodes.Tap{tap})
	defer m.Close()
	if a := m.AskOne(t.Context(), "clue-1", "stats", nil); a.Err == nil {
		t.Fatal("nobody listens, and answers")
	}
	faketap.OpenAt(t, listener.Addr().String(), "clue-1", well)
	for end := time.Now().Add(10 * time.Second); ; {
		a := m.AskOne(t.Context(), "clue-1", "stats", nil)
		if a.Err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(a.Err)
		}
	}
}

// Who is interrupted while a node hangs is told so at once, and no node is blamed. What was
// connected before goes on.
func TestInterruptedWhileANodeHangs(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	hangs := tapAt(faketap.Hang(t, func(net.Conn) { interrupt() }))
	m := nodes.Direct([]nodes.Tap{hangs})
	defer m.Close()
	began := time.Now()
	answers := m.Ask(ctx, "stats", nil)
	if len(answers) != 1 || !errors.Is(answers[0].Err, nodes.ErrInterrupted) || time.Since(began) > nodes.AnswerWait/2 {
		t.Errorf("after %v: %+v", time.Since(began), answers)
	}
	if a := m.AskOne(ctx, "clue-1", "stats", nil); !errors.Is(a.Err, nodes.ErrInterrupted) {
		t.Errorf("one alone: %v", a.Err)
	}
	clue := nodes.Direct([]nodes.Tap{tapAt(faketap.Open(t, "clue-1", well))})
	defer clue.Close()
	first, end := context.WithCancel(t.Context())
	clue.Ask(first, "stats", nil)
	end()
	if a := clue.AskOne(t.Context(), "clue-1", "stats", nil); a.Err != nil {
		t.Errorf("a connection ended with the question it was made for: %v", a.Err)
	}
}

// A node that is asked alone and not found may be that of a tap that could not be asked.
func TestTheTapThatCouldNotBeAskedIsNamed(t *testing.T) {
	clue := tapAt(faketap.Open(t, "clue-1", well))
	gone := nodes.Tap{URL: "nats://127.0.0.1:1"}
	for _, test := range []struct {
		taps []nodes.Tap
		want string
	}{
		{[]nodes.Tap{clue}, "which is not among those given"},
		{[]nodes.Tap{clue, gone}, "nats://127.0.0.1:1: could not be asked at nats://127.0.0.1:1: "},
		{[]nodes.Tap{clue, {Name: "hunt.yaml", Problem: errors.New("hunt.yaml has no tap")}}, "hunt.yaml: hunt.yaml has no tap"},
	} {
		m := nodes.Direct(test.taps)
		a := m.AskOne(t.Context(), "hunt-1", "reload", nil)
		if !errors.Is(a.Err, nodes.ErrNoTap) || !strings.Contains(a.Err.Error(), test.want) {
			t.Errorf("%v, want %s", a.Err, test.want)
		}
		m.Close()
	}
}
