package outbox

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/wire"
)

// storedFormerly is a node whose directory a former version wrote, with one event a message, in
// envelopes of wire version 1. Of solved it has 1 to 40, and of taken 102 to 140, the even ones.
// Hunt has settled 1 to 11 of solved and the odd ones above, score nothing of solved and all of
// taken.
func storedFormerly(t *testing.T) *site {
	t.Helper()
	s := newSite(t, func(s *site) { s.config.Duplicates = 200 * 365 * 24 * time.Hour })
	if err := os.CopyFS(s.config.Dir, os.DirFS("testdata/former")); err != nil {
		t.Fatal(err)
	}
	return s
}

func formerlyLeft() string {
	var all []string
	for n := 12; n <= 40; n += 2 {
		all = append(all, fmt.Sprint(n))
	}
	return strings.Join(all, " ")
}

// An outbox of a former version is taken over: what is settled, what was stored, and its ids.
func TestFormerOutbox(t *testing.T) {
	s := storedFormerly(t).open(t)
	backlog := func(what string, hunt, score, kept uint64) {
		t.Helper()
		eventually(t, what, func() bool {
			r := s.Stats().Readers
			return r[0].Pending == hunt && r[1].Pending == score && r[2].Pending == kept
		})
	}
	backlog("what waited", 15, 40, 0)
	if got := s.Stats().Events; got != 60 {
		t.Errorf("%d events are there", got)
	}
	s.store(t, solved, 1, 40) // once more
	if got := s.Stats(); got.Last != 60 || s.events(t) != 60 {
		t.Errorf("ids of a former version are stored again: %+v", got)
	}
	s.reopen(t)
	backlog("the same", 15, 40, 0)
	s.store(t, solved, 201, 260)
	s.store(t, taken, 301, 302)
	backlog("new ones, too", 75, 100, 2)
	s.reopen(t)
	backlog("the same again", 75, 100, 2)
	if got := s.events(t); got != 122 {
		t.Errorf("%d events are there", got)
	}
	got := s.reader(t, "hunt", solved).get(t, 75)
	if all := texts(got); all != sorted(formerlyLeft()+" "+numbered(201, 260), all) {
		t.Errorf("hunt got %s", all)
	}
	for _, e := range got { // that a handler of hunt has handled it is remembered
		if known := slices.Equal(e.Done, []string{"a"}) && e.Tries == 1; known != (string(e.Message) == "12") {
			t.Errorf("%s: %d tries, done by %v", e.Message, e.Tries, e.Done)
		}
	}
	if got := take(t, s.reader(t, "score", solved), 100); got != sorted(numbered(1, 40)+" "+numbered(201, 260), got) {
		t.Errorf("score got %s", got)
	}
}

// sorted is what was wanted in the order in which it came, if it is the same.
func sorted(want, got string) string {
	count := map[string]int{}
	for _, text := range strings.Fields(want) {
		count[text]++
	}
	for _, text := range strings.Fields(got) {
		count[text]--
	}
	for text, n := range count {
		if n != 0 {
			return fmt.Sprintf("%s: %s is %d times too few", want, text, n)
		}
	}
	return got
}

// Readers remember sequences of a former version, and none seems to be restored from an older copy.
// What counts for a bound is what the former version wrote down.
func TestFormerReaders(t *testing.T) {
	s := storedFormerly(t)
	s.config.Types[0].Bounds = map[string]Bound{"hunt": {MaxMessages: 100}}
	path := (&Outbox{config: s.config}).floorsPath()
	var f floors
	if err := formerFloors.Read(path, &f); err != nil {
		t.Fatal(err)
	}
	hunt := f.find(solved, "hunt")
	hunt.Sure, hunt.Waits = map[string]uint64{"hunt-1": 39}, &handout.Sum{Events: 15, Bytes: 1234}
	if err := formerFloors.Write(path, f); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if l := s.library.loads[solved][0]; l.events.Load() != 15 || l.bytes.Load() != 1234 {
		t.Errorf("%d events of %d bytes count", l.events.Load(), l.bytes.Load())
	}
	p := s.peer("hunt-1")
	asked := imports(100, solved)
	asked[0].Stream, asked[0].Handled = s.identity, 39
	p.say(t, &wire.Hello{Nonce: p.nonce, MaxPayload: 68 << 10, Imports: asked})
	if got := take(t, p, 15); got != sorted(formerlyLeft(), got) {
		t.Errorf("hunt got %s", got)
	}
	if log := s.log.String(); strings.Contains(log, "restored") {
		t.Errorf("the log says:\n%s", log)
	}
}

// What waits for a service that is taken out is counted in a former outbox too.
func TestWaitingInAFormerOutbox(t *testing.T) {
	s := storedFormerly(t)
	s.config.Types[0].Services = []string{"score"}
	var waiting *WaitingError
	if err := s.start(t); !errors.As(err, &waiting) || waiting.Waiting != 15 || waiting.Service != "hunt" {
		t.Errorf("%v", err)
	}
}

// A former outbox is drained, and what is settled goes as before.
func TestFormerOutboxIsDrained(t *testing.T) {
	s := storedFormerly(t)
	s.config.Duplicates = 100 * time.Millisecond
	s.open(t)
	s.store(t, solved, 201, 210)
	take(t, s.reader(t, "hunt", solved), 25)
	take(t, s.reader(t, "score", solved), 50)
	eventually(t, "nothing is left", func() bool { return s.messages(t) == 0 && s.events(t) == 0 })
}

// A file of floors that is neither of now nor of a former version is named.
func TestFloorsOfALaterVersion(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.stop(t)
	later := floorsFile
	later.Version = 3
	if err := later.Write((&Outbox{config: s.config}).floorsPath(), floors{}); err != nil {
		t.Fatal(err)
	}
	var damaged *DamagedError
	if err := s.start(t); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "it has version 3, this program knows 2") {
		t.Errorf("%v", err)
	}
}
