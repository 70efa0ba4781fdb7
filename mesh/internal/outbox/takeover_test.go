package outbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/wire"
)

// formerSite is a stopped node whose stream has 100 messages of each type, with consumers as a
// former version of this program made them: of solved, score has acknowledged 1 to 40 and some of
// 41 to 60, which it had under way, hunt nothing, and of taken score has acknowledged all.
func formerSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, nil).open(t)
	s.storeSingly(t, solved, 1, 100)
	s.storeSingly(t, taken, 101, 200)
	consumer := func(service, subject string) jetstream.Consumer {
		c, err := s.stream.CreateOrUpdateConsumer(timeout(t), jetstream.ConsumerConfig{
			Durable: consumerName(service, subject), FilterSubject: subject + ".*",
			DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: patience, MaxAckPending: 512, MaxDeliver: -1, MaxRequestBatch: 512, MaxWaiting: 128,
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	fetch := func(c jetstream.Consumer, many int, handled func(n int) bool) {
		batch, err := c.Fetch(many, jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for m := range batch.Messages() {
			if n++; handled(n) {
				if err := m.DoubleAck(timeout(t)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	fetch(consumer("score", solved), 60, func(n int) bool { return n <= 40 || n%2 == 0 })
	consumer("hunt", solved)
	fetch(consumer("score", taken), 100, func(int) bool { return true })
	js, err := jetstream.New(s.conn)
	if err != nil {
		t.Fatal(err)
	}
	former := s.stream.CachedInfo().Config
	former.AllowDirect = false
	if _, err := js.UpdateStream(timeout(t), former); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	gone(t, filepath.Join(s.config.Dir, floorsName))
	jet := filepath.Join(s.config.Dir, "jetstream")
	if err := os.Rename(filepath.Join(jet, account), filepath.Join(jet, "out")); err != nil {
		t.Fatal(err)
	}
	return s
}

// left is what score has to get of solved.
func formerLeft() string {
	var all []string
	for n := 41; n < 60; n += 2 {
		all = append(all, fmt.Sprint(n))
	}
	return strings.Join(all, " ") + " " + numbered(61, 100)
}

// What JetStream's consumers knew is taken over once: the floor, and what was under way.
func TestTakeOver(t *testing.T) {
	s := formerSite(t).open(t)
	if r := s.Stats().Readers; r[0].Pending != 100 || !r[0].Exists || r[1].Pending != 50 || r[2].Pending != 0 {
		t.Errorf("after the start: %+v", r)
	}
	names := s.stream.ConsumerNames(timeout(t))
	for name := range names.Name() {
		if strings.Contains(name, "clue_") {
			t.Errorf("consumer %s is still there", name)
		}
	}
	if left, err := os.ReadDir(filepath.Join(s.streamDir(), "obs")); err == nil && len(left) > 0 {
		t.Errorf("files of consumers are still there: %v", left)
	}
	s.reopen(t) // from the file
	score := s.reader(t, "score", solved, taken)
	if got := take(t, score, 50); got != formerLeft() {
		t.Errorf("score got %s", got)
	}
	if got := take(t, s.reader(t, "hunt", solved), 100); got != numbered(1, 100) {
		t.Errorf("hunt got %s", got)
	}
	eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
	if score.untaken() > 0 {
		t.Errorf("score got %d more", score.untaken())
	}
}

// A consumer that is damaged is taken for one that has acknowledged nothing.
func TestTakeOverOfADamagedConsumer(t *testing.T) {
	for what, damage := range map[string]func(t *testing.T, dir string){
		"its state is gone":          func(t *testing.T, dir string) { gone(t, filepath.Join(dir, "o.dat")) },
		"its description is changed": func(t *testing.T, dir string) { flip(t, filepath.Join(dir, "meta.inf")) },
		"it is gone":                 func(t *testing.T, dir string) { gone(t, dir) },
	} {
		t.Run(what, func(t *testing.T) {
			s := formerSite(t)
			dir := strings.Replace(s.streamDir(), account, "out", 1)
			damage(t, filepath.Join(dir, "obs", consumerName("score", solved)))
			s.open(t)
			if got := take(t, s.reader(t, "score", solved), 100); got != numbered(1, 100) {
				t.Errorf("score got %s", got)
			}
		})
	}
}

// Nonsense is not believed, and stops nothing.
func FuzzDecodeConsumer(f *testing.F) {
	f.Add([]byte{22, 2, 3, 4, 6, 9, 2, 1, 1, 1, 1, 3, 3, 1, 0})
	f.Add([]byte{22, 2})
	f.Fuzz(func(t *testing.T, text []byte) {
		c, ok := decodeConsumer(text)
		for i, n := range c.pending {
			if ok && (n <= c.floor || n > c.delivered || i > 0 && n == c.pending[i-1]) {
				t.Errorf("%d of %+v", n, c)
			}
		}
	})
}

// A service with events waiting is not taken out by mistake.
func TestServiceIsTakenOut(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.store(t, solved, 1, 30)
	p := s.reader(t, "hunt", solved)
	all := p.get(t, 30)
	p.answer(t, wire.Handled, all[:10]...)
	p.answer(t, wire.Handled, all[15:20]...)
	s.stop(t)
	refused := func(why string, types ...Type) {
		t.Helper()
		s.config.Types = types
		err := s.start(t)
		var waiting *WaitingError
		if !errors.As(err, &waiting) || *waiting != (WaitingError{Subject: solved, Service: "hunt", Waiting: 15}) {
			t.Fatalf("%s: %v", why, err)
		}
		for _, part := range []string{"15 events of " + solved, "service hunt", "kept_for", "drop"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in: %v", part, err)
			}
		}
		s.stop(t)
	}
	both := Type{Subject: taken, Services: []string{"score"}}
	refused("the service is taken out", Type{Subject: solved, Services: []string{"score"}}, both)
	refused("the type is taken out", Type{Subject: solved, Services: []string{"score"}, Drop: []string{"clue"}}, both)
	s.config.Types = []Type{{Subject: solved, Services: []string{"score"}, Drop: []string{"hunt"}}, both}
	s.open(t)
	if log := s.log.String(); !strings.Contains(log, "service=hunt events=15") {
		t.Errorf("the log does not tell:\n%s", log)
	}
	if got := take(t, s.reader(t, "score", solved), 30); got != numbered(1, 30) {
		t.Errorf("score got %s", got)
	}
	eventually(t, "nothing is left", func() bool { return s.events(t) == 0 })
	s.config.Types = []Type{both} // nobody waits for the type
	s.reopen(t)
	if _, err := s.Store(timeout(t), solved+".t1", id(31), nil); err == nil || !strings.Contains(err.Error(), "no durable export") {
		t.Errorf("stored an event of no type: %v", err)
	}
}

// A type that is taken out is dropped if all its services are.
func TestTypeIsTakenOut(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.store(t, solved, 1, 3)
	s.store(t, taken, 4, 5)
	s.stop(t)
	s.config.Types = []Type{{Subject: solved, Services: []string{"hunt", "score"}}}
	var waiting *WaitingError
	if err := s.start(t); !errors.As(err, &waiting) || waiting.Subject != taken || waiting.Waiting != 2 {
		t.Fatalf("%v", err)
	}
	s.stop(t)
	s.config.Types = append(s.config.Types, Type{Subject: taken, Drop: []string{"score"}})
	s.open(t)
	if got := s.events(t); got != 3 {
		t.Errorf("%d are left", got)
	}
	if _, err := s.Store(timeout(t), taken+".t1", id(6), nil); err == nil || !strings.Contains(err.Error(), "no durable export") {
		t.Errorf("stored an event of no type: %v", err)
	}
}
