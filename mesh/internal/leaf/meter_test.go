package leaf

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// An importer that says too much is put out, and the others are heard.
func TestWhoSaysTooMuchIsPutOut(t *testing.T) {
	mad, score := start(t, "mad-1", nil), start(t, "score-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{mad.importer(), score.importer()} })
	if err := score.Link([]Remote{clue.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	var heard atomic.Int64
	fromScore := make(chan string, 10)
	if err := clue.toReader(t, mad).Hear(func(*nats.Msg) (cost int) { heard.Add(1); return 0 }); err != nil {
		t.Fatal(err)
	}
	if err := clue.toReader(t, score).Hear(func(m *nats.Msg) (cost int) { fromScore <- string(m.Data); return 0 }); err != nil {
		t.Fatal(err)
	}
	in := score.toExporter(t, "clue-1")
	in.hears(t, FromReader("score-1", "clue-1"))
	before := in.linked(t)
	r := dialRogue(t, clue.ListenAddr(), mad.seed)
	r.login(t, "mad-1")
	shout := "LMSG " + FromReader("mad-1", "clue-1") + " 1\r\nx\r\n"
	begun := time.Now()
	for range 10 * maxCost / 100 {
		if _, err := r.Write([]byte(strings.Repeat(shout, 100))); err != nil {
			break // it is out
		}
	}
	r.closed(t)
	seconds := int64(time.Since(begun)/time.Second) + 1
	if _, said, err := dialTLS(t, clue.ListenAddr(), tlsOf(mad.cert(t))); said != "" || err == nil {
		t.Errorf("it got in again at once, and hears %q", said)
	}
	in.send(t, FromReader("score-1", "clue-1"), "hello")
	select {
	case <-fromScore:
	case <-time.After(patience):
		t.Error("the other one is not heard")
	}
	if after, up := in.Link(); !up || after != before {
		t.Error("the other one was cut")
	}
	if many := heard.Load(); many > (2+seconds)*maxCost { // the bound is one of each second, and grows while it is reached
		t.Errorf("heard %d messages in %d seconds", many, seconds)
	}
	eventually(t, "a line", func() bool { return strings.Contains(clue.log.String(), "mad-1 says too much") })
	clue.quiet(t, 4)
}

// What an importer asks for counts as much as how often it speaks.
func TestMeter(t *testing.T) {
	m, now := newMeter(func() uint64 { return 0 }), time.Now()
	for range 3 {
		for range maxCost / 10 {
			if m.exceeds(now, 10, 1) {
				t.Fatal("too much")
			}
		}
		if !m.exceeds(now, 1, 1) {
			t.Error("one more is not too much")
		}
		now = now.Add(time.Second)
	}
	if !m.exceeds(now, 1, maxSaidBytes+1) {
		t.Error("too many bytes are not too many")
	}
}

// Who is told more may answer more: one that handles events one at a time is not put out for it.
// What it was told while it had no need of that does not gather without end.
func TestMeterOfAnswers(t *testing.T) {
	told, now := uint64(0), time.Now()
	m := newMeter(func() uint64 { return told })
	for range 20 * maxCost {
		if told++; m.exceeds(now, 1, 1) {
			t.Fatal("an answer is too much")
		}
	}
	told += 100 * maxCost
	for n := 0; !m.exceeds(now, 1, 1); n++ {
		if n > maxCost {
			t.Fatal("answers to what it was told long ago are not too much")
		}
	}
}

// A link may make some noise, and at the most so much.
func TestNoise(t *testing.T) {
	n, now := newNoise(0), time.Now()
	if n.exceeds(noiseBurst, now) {
		t.Error("its subscriptions are too much")
	}
	if n.exceeds(noiseBurst-1000, now) || n.exceeds(noiseBurst, now) {
		t.Error("it seemed less, and that counts twice")
	}
	if !n.exceeds(noiseBurst+1, now) {
		t.Error("one more is not too much")
	}
	if now = now.Add(time.Second); n.exceeds(noiseBurst+noiseEach, now) {
		t.Error("it is too much a second later")
	}
}

// An importer that floods its link with what is no message is put out, after the noise that a link
// may make and what comes until it is looked at.
func TestAttackByNoise(t *testing.T) {
	onLinux(t)
	for what, text := range map[string]string{
		"pings":         "PING\r\n",
		"subscriptions": "LS+ " + ToReader("mad-1", "clue-1") + ".a\r\nLS- " + ToReader("mad-1", "clue-1") + ".a\r\n",
		"infos":         "INFO {}\r\n",
	} {
		for name, plain := range map[string]bool{"TLS": false, "plain": true} {
			t.Run(what+", "+name, func(t *testing.T) {
				clue, mad, _, r := reading(t, plain)
				go io.Copy(io.Discard, r)
				block, tick := []byte(strings.Repeat(text, 8<<10/len(text))), time.NewTicker(10*time.Millisecond) // 0.8 MB a second
				defer tick.Stop()
				written := 0
				for err := error(nil); err == nil && written < 64<<20; <-tick.C {
					_, err = r.Write(block)
					written += len(block)
				}
				if written < noiseBurst || written >= 64<<20 {
					t.Errorf("it is out after %d bytes", written)
				}
				eventually(t, "a line", func() bool { return strings.Contains(clue.log.String(), "mad-1 sends too much that is no message") })
				if plain {
					again := greet(t, dialTCP(t, clue.ListenAddr()), mad.seed) // nothing refuses it
					again.sign(t, "mad-1")
					again.closed(t)
				}
				clue.quiet(t, 3)
			})
		}
	}
}

// An importer that links again and again is kept out, and a host that makes handshakes without end
// waits.
func TestAttackByLinkingAgainAndAgain(t *testing.T) {
	s, now := newSockets(), time.Now()
	s.admit(1, strangersEach, linksBurst)
	s.serve()
	for range linksBurst {
		if err := s.link("mad-1", now); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.link("mad-1", now); !errors.Is(err, errAgain) {
		t.Errorf("one more: %v", err)
	}
	if err := s.link("mad-1", now.Add(expelledFor/2)); !errors.Is(err, errExpelled) {
		t.Errorf("while it is out: %v", err)
	}
	if !s.shut("mad-1", now) {
		t.Error("the link that it has cannot be closed meanwhile: it counts as out")
	}
	if err := s.link("mad-1", now.Add(expelledFor+time.Second)); err != nil {
		t.Errorf("later: %v", err)
	}
	if err := s.link("score-1", now); err != nil {
		t.Errorf("another one: %v", err)
	}
	conn := fakeConn{address: "10.0.0.1:1"}
	begun := 0
	for may := true; may && begun < 10*maxStrangers; begun++ {
		may, _ = s.note(conn, now)
		s.leave(conn.address)
	}
	if begun != maxReaderLinks+maxStrangers+1 {
		t.Errorf("a host begins %d handshakes at once", begun)
	}
	if may, err := s.note(fakeConn{address: "10.0.0.2:1"}, now); !may || err != nil {
		t.Errorf("another host: %v, %v", may, err)
	}
	for may := true; may; {
		may, _ = s.note(conn, time.Now())
		s.leave(conn.address)
	}
	began := time.Now()
	if err := s.enter(&tls.ClientHelloInfo{Conn: conn}); !errors.Is(err, errTooOften) || time.Since(began) < holdFor {
		t.Errorf("one more of the host: %v after %v", err, time.Since(began))
	}
}

// What is to follow on all that an importer said waits until that was heard, however long it takes.
func TestAfterHeard(t *testing.T) {
	clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
	link(t, clue, score)
	out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
	begun, goOn, passed := make(chan struct{}), make(chan struct{}), make(chan string, 1)
	heard := ""
	if err := out.Hear(func(m *nats.Msg) (cost int) { close(begun); <-goOn; heard = string(m.Data); return 0 }); err != nil {
		t.Fatal(err)
	}
	in.hears(t, FromReader("score-1", "clue-1"))
	in.send(t, FromReader("score-1", "clue-1"), "answers")
	<-begun
	if err := errors.Join(out.AfterHeard(func() { t.Error("the former is called") }), out.AfterHeard(func() { passed <- heard })); err != nil {
		t.Fatal(err)
	}
	out.marks.mu.Lock()
	if n := len(out.marks.open); n != 1 {
		t.Errorf("%d are waited for", n)
	}
	out.marks.mu.Unlock()
	if len(passed) > 0 {
		t.Error("it did not wait")
	}
	close(goOn)
	if got := <-passed; got != "answers" {
		t.Errorf("before it was heard %q", got)
	}
	if err := out.Settle(timeout(t)); err != nil {
		t.Error(err)
	}
	out.Close()
	if err := out.AfterHeard(func() { t.Error("called") }); err == nil {
		t.Error("a closed line has no error")
	}
}
