package leaf

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// onLinux skips a test where the system does not tell what a connection has carried.
func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell what a connection has carried")
	}
}

// reading is a rogue importer of clue-1 that reads nothing, and the line to it.
func reading(t *testing.T, plain bool) (clue, mad *node, out *Line, r *rogue) {
	t.Helper()
	onLinux(t)
	mad = start(t, "mad-1", nil)
	clue = start(t, "clue-1", func(s *Spec) { s.Plain, s.Importers = plain, []Importer{mad.importer()} })
	return clue, mad, clue.toReader(t, mad), listening(t, clue, mad)
}

// listening links as an importer, and listens to what is said to it.
func listening(t *testing.T, clue, mad *node) (r *rogue) {
	t.Helper()
	if clue.currentSpec().Plain {
		r = greet(t, dialTCP(t, clue.ListenAddr()), mad.seed)
		r.sign(t, "mad-1")
	} else {
		r = dialRogue(t, clue.ListenAddr(), mad.seed)
		r.login(t, "mad-1")
	}
	r.send(t, "LS+ %s", ToReader("mad-1", "clue-1"))
	r.sync(t)
	return r
}

// fill says messages while there is room, and returns how many bytes it said.
func (l *Line) fill(t *testing.T, most int64, size int) (said int64) {
	t.Helper()
	message := make([]byte, size)
	for ; l.HasRoom(most) && said < 60<<20; said += int64(size) { // nats-server ends the link at 64 MiB
		if err := l.Publish(ToReader(l.peer, l.server.Name()), message); err != nil {
			t.Fatal(err)
		}
	}
	return said
}

// There is no room for a peer that does not read, whatever it says. What its system took into its
// own buffers it has. When it reads there is room again.
func TestAttackByReadingNothing(t *testing.T) {
	for name, plain := range map[string]bool{"TLS": false, "plain": true} {
		for kind, size := range map[string]int{"large messages": 60_000, "small messages": 100} {
			t.Run(name+", "+kind, func(t *testing.T) {
				clue, _, out, r := reading(t, plain)
				eventually(t, "the socket", func() bool { return len(clue.traffic(out)) == 1 })
				const most, buffers = 4 << 20, 16 << 20
				if said := out.fill(t, most, size); said < most*3/4 || said > most+buffers {
					t.Errorf("there was room for %d bytes", said)
				}
				go io.Copy(io.Discard, r)
				eventually(t, "room", func() bool { return out.HasRoom(1 << 20) })
				clue.quiet(t, 0)
			})
		}
	}
}

// traffic is what is known of the links of a line.
func (n *node) traffic(l *Line) map[string]traffic {
	var addresses []string
	for _, link := range n.leafs(l.account) {
		addresses = append(addresses, addressOf(link))
	}
	return n.currentSpec().sockets.traffic(addresses)
}

// Who reads all has room, however much it was sent: what is not counted, such as protocol, never
// adds up to something that seems to wait.
func TestWhoReadsHasRoom(t *testing.T) {
	_, _, out, r := reading(t, false)
	go io.Copy(io.Discard, r)
	for i := range 20_000 {
		size := 50
		if i%50 == 0 {
			size, _ = 50_000, out.look()
		}
		if err := out.Publish(ToReader("mad-1", "clue-1"), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all is read", func() bool { return out.look() == 0 })
}

// A link is closed on which something lies when its peer has made another one: it may be dead.
func TestAFormerLinkIsClosed(t *testing.T) {
	clue, mad, out, r := reading(t, false)
	out.fill(t, 4<<20, 60_000)
	former := out.linked(t)
	another := listening(t, clue, mad)
	eventually(t, "room on the new link", func() bool { return out.HasRoom(4 << 20) })
	r.closed(t)
	another.sync(t)
	if number, up := out.Link(); !up || number == former {
		t.Errorf("the new link is gone: %v, %v", number, up)
	}
}

// What is asked for and not read is bounded as well, by putting out who does.
func TestAttackByAskingAndNotReading(t *testing.T) {
	clue, _, out, r := reading(t, false)
	number := out.linked(t)
	for range 60 << 20 / 60_000 { // in a second or more; nats-server would end the link at 64 MiB
		if now, up := out.Link(); !up || now != number {
			break
		}
		if err := out.Publish(ToReader("mad-1", "clue-1"), make([]byte, 60_000)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	eventually(t, "no link", func() bool { now, up := out.Link(); return !up || now != number })
	r.closed(t)
	if log := clue.log.String(); !strings.Contains(log, "mad-1 asks for more than it reads") {
		t.Errorf("the log says %q", log)
	}
}

// Senders that go beyond the bound together, and stop then, do not put out who reads slowly.
func TestWhoReadsSlowlyIsNotPutOut(t *testing.T) {
	clue, _, out, r := reading(t, false)
	number := out.linked(t)
	out.fill(t, 8<<20, 60_000)
	for range 100 {
		if err := out.Publish(ToReader("mad-1", "clue-1"), make([]byte, 60_000)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(4 * watchEach)
	if out.look() < maxLying+2*DefaultMaxPayload {
		t.Fatalf("only %d bytes lie here", out.look())
	}
	go io.Copy(io.Discard, r)
	eventually(t, "all is read", func() bool { return out.look() == 0 })
	if now, up := out.Link(); !up || now != number {
		t.Error("it was put out")
	}
	clue.quiet(t, 0)
}

// What waits is what was sent and not acknowledged; protocol, which is acknowledged and not known
// to be sent, hides nothing of what is sent later.
func TestWaiting(t *testing.T) {
	var w waiting
	for i, look := range []struct{ sent, before, after, want int64 }{
		{1000, 0, 400, 600},
		{1000, 1000, 1000, 0},
		{1000, 1300, 1300, 0}, // 300 of protocol
		{2000, 1300, 1300, 1000},
		{2000, 1800, 1900, 400},
		{2000, 2500, 2500, 0},
		{2500, 2500, 2500, 500},
	} {
		w.note(look.sent, look.before)
		if got := w.least(look.after); got != look.want {
			t.Errorf("look %d: %d wait, want %d", i, got, look.want)
		}
	}
}
