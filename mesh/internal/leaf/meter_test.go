package leaf

import (
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
	if err := clue.toReader(t, mad).Hear(func(*nats.Msg) { heard.Add(1) }); err != nil {
		t.Fatal(err)
	}
	if err := clue.toReader(t, score).Hear(func(m *nats.Msg) { fromScore <- string(m.Data) }); err != nil {
		t.Fatal(err)
	}
	in := score.toExporter(t, "clue-1")
	in.hears(t, FromReader("score-1", "clue-1"))
	before := in.linked(t)
	r := dialRogue(t, clue.ListenAddr(), mad.seed)
	r.login(t, "mad-1")
	shout := "LMSG " + FromReader("mad-1", "clue-1") + " 1\r\nx\r\n"
	for range 2 * maxSaidMessages / 100 {
		if _, err := r.Write([]byte(strings.Repeat(shout, 100))); err != nil {
			break // it is out
		}
	}
	r.closed(t)
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
	if many := heard.Load(); many > maxSaidMessages {
		t.Errorf("heard %d messages", many)
	}
	eventually(t, "a line", func() bool { return strings.Contains(clue.log.String(), "mad-1 says too much") })
	clue.quiet(t, 3)
}

func TestMeter(t *testing.T) {
	var m meter
	now := time.Now()
	for range 3 {
		for range maxSaidMessages {
			if m.exceeds(now, 1) {
				t.Fatal("too many")
			}
		}
		if !m.exceeds(now, 1) {
			t.Error("one more is not too many")
		}
		now = now.Add(time.Second)
	}
	if !m.exceeds(now, maxSaidBytes+1) {
		t.Error("too many bytes are not too many")
	}
}
