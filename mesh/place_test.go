package mesh_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// What an exporter has sent and what did not arrive is counted at the importer, who alone knows. A link
// loses events once, where it begins: what is missing later was dropped in this process.
func TestWhatDidNotArriveIsCounted(t *testing.T) {
	got := make(chan solved, 100)
	node, send := openImporterAt(t, scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil }))
	event := envelope(t, clueSolved.Subject(), solved{Team: "k"})
	var arrived uint64
	for i, test := range []struct {
		run, before uint64
		events      int
		cut, slow   uint64 // so far
	}{
		{1, 0, 2, 0, 0},
		{1, 2, 1, 0, 0},
		{1, 6, 1, 3, 0},
		{1, 7, 1, 3, 0},
		{2, 0, 3, 3, 0},  // begins anew
		{2, 3, 1, 3, 0},  // goes on
		{3, 2, 1, 3, 2},  // the beginning is lost
		{3, 1, 1, 3, 2},  // what can not be: less than before
		{1, 8, 1, 3, 10}, // of a former run: there is no telling what that is
	} {
		send(clueSolved.Subject(), test.run, test.before, contained(t, slices.Repeat([][]byte{event}, test.events)...))
		for range test.events {
			receive(t, got)
		}
		arrived += uint64(test.events)
		wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", stats.LinkCut, test.cut)
		wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", stats.SlowConsumer, test.slow)
		await(t, fmt.Sprintf("all that was sent up to message %d", i), func() bool { return node.Stats().Imports[0].Arrived == arrived+test.cut+test.slow })
	}
}

// What an importer could not take in time is counted as that, and not as lost on the link.
func TestWhatASlowImporterLosesIsCounted(t *testing.T) {
	hang := make(chan struct{})
	node, send := openImporterAt(t, scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { <-hang; return nil }))
	event := envelope(t, clueSolved.Subject(), solved{Team: "k"})
	const events = 90_000 // more than wait in queues and in the client
	for n := range uint64(events) {
		send(clueSolved.Subject(), 1, n, event)
	}
	await(t, "the client to be full", func() bool { return node.Stats().Links[0].MessagesIn >= events })
	close(hang)
	sent := uint64(events)
	await(t, "all to be counted", func() bool {
		send(clueSolved.Subject(), 1, sent, event) // tells of those before it
		sent++
		s := node.Stats()
		return find(node, stats.Lost, stats.SlowConsumer).Count > 0 && s.Of(clueSolved.Subject(), stats.Imported)+s.Of(clueSolved.Subject(), stats.Lost) == sent
	})
	if cut := find(node, stats.Lost, stats.LinkCut); cut.Count > 0 {
		t.Errorf("the link lost %+v", cut)
	}
}

// proxy stands between a node and its peer, and can cut their link.
type proxy struct {
	listener net.Listener
	target   string
	copies   sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target}
	p.copies.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.copies.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
			p.copies.Go(func() {
				_, _ = io.Copy(way[0], way[1])
				_, _ = way[0].Close(), way[1].Close()
			})
		}
	}
}

// cut closes all connections. What is on its way is lost.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	p.conns = nil
}

// A link breaks again and again while events cross it: each event is handled, or counted as unheard
// where it was to go out, or as lost with the link where it was to come in.
func TestNothingIsLostUncountedWithALink(t *testing.T) {
	seed, public := keyPair(t)
	clueSeed, clueKey := keyPair(t)
	clue := clueNode("clue-1")
	clue.Seed, clue.Listen = mesh.NewSecret(clueSeed), "127.0.0.1:0"
	clue.Peers = []mesh.Peer{{Name: "score-1", Key: public, MayImport: mesh.AllExports()}}
	exporter := openNode(t, clue)
	between := startProxy(t, exporter.ListenAddr())
	score := scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { return nil })
	score.Seed, score.Peers = mesh.NewSecret(seed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + between.listener.Addr().String(), Key: clueKey}}
	importer := openNode(t, score)
	if err := importer.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	emitted := uint64(0)
	send := func() {
		emit(t, exporter, clueSolved, solved{Team: fmt.Sprint(emitted % 7), At: int64(emitted)})
		emitted++
	}
	for range 4 {
		for n := range 3000 {
			if n == 1500 {
				between.cut()
			}
			send()
		}
		await(t, "the link", func() bool {
			heard := importer.Stats().Of(clueSolved.Subject(), stats.Imported)
			send()
			return importer.Ready(within(t)) == nil && importer.Stats().Of(clueSolved.Subject(), stats.Imported) > heard
		})
	}
	counted := func() bool {
		in, out := importer.Stats(), exporter.Stats()
		return out.Of(clueSolved.Subject(), stats.Exported)+out.Of(clueSolved.Subject(), stats.Unheard) == emitted &&
			in.Of(clueSolved.Subject(), stats.Imported)+in.Of(clueSolved.Subject(), stats.Lost) == out.Of(clueSolved.Subject(), stats.Exported)
	}
	await(t, "each to be counted", func() bool {
		send() // tells of those before it
		for range 100 {
			if counted() {
				return true
			}
			time.Sleep(time.Millisecond)
		}
		return false
	})
	if slow := find(importer, stats.Lost, stats.SlowConsumer); slow.Count > 0 {
		t.Errorf("counted as %+v", slow)
	}
}

// A message without a place, or with half of one, is malformed.
func TestNoPlace(t *testing.T) {
	got := make(chan solved, 1)
	node, send := openImporterAt(t, scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil }))
	event := envelope(t, clueSolved.Subject(), solved{Team: "k"})
	for n := range 3 {
		message := append(wire.AppendPlace(nil, 1, 0), event...)
		send(clueSolved.Subject(), 1, 0, message[n:]) // its container begins with another place, half of it, or none
	}
	receive(t, got)
	wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", "malformed", 2)
}
