package outbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// Events that are emitted side by side share messages: each is stored once, in the order of its
// emitter, and who is alone does not wait for others.
func TestGroups(t *testing.T) {
	const emitters, each = 50, 40
	s := newSite(t, func(s *site) { s.config.Types = s.config.Types[1:]; s.config.Duplicates = time.Hour }).open(t)
	var work sync.WaitGroup
	for e := range emitters {
		work.Go(func() {
			for i := range each {
				n := 1 + e*each + i
				p, err := s.Store(timeout(t), fmt.Sprintf("%s.k%d", taken, e), id(n), eventOf(n, fmt.Sprintf("k%d", e), fmt.Sprint(n)))
				if err == nil {
					err = p.Wait(timeout(t))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if events, messages := s.events(t), s.messages(t); events != emitters*each || messages > events/2 {
		t.Errorf("%d events are in %d messages", events, messages)
	}
	s.reopen(t) // so that they come from the stream
	p := s.reader(t, "score", taken)
	next := map[int]int{}
	for range emitters * each {
		got := p.get(t, 1)
		p.answer(t, wire.Handled, got...)
		var n int
		_, _ = fmt.Sscan(string(got[0].Message), &n)
		if e := (n - 1) / each; next[e] != (n-1)%each {
			t.Fatalf("emitter %d: %d came instead of %d", e, (n-1)%each, next[e])
		}
		next[(n-1)/each]++
	}
}

// The bound of events holds for each event, also where many wait for one message.
func TestBoundOfEvents(t *testing.T) {
	const most = 100
	s := newSite(t, func(s *site) {
		s.config.Types = s.config.Types[1:]
		s.config.MaxMessages = most
		s.config.Duplicates = time.Hour
	}).open(t)
	for round := range 2 {
		var stored, full atomic.Int64
		var work sync.WaitGroup
		for n := 1; n <= 3*most; n++ {
			work.Go(func() {
				p, err := s.Store(timeout(t), taken+".t1", id(1000*round+n), eventOf(n, "t1", fmt.Sprint(n)))
				if err == nil {
					err = p.Wait(timeout(t))
				}
				switch {
				case err == nil:
					stored.Add(1)
				case errors.Is(err, ErrFull):
					full.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		work.Wait()
		if stored.Load() != most || full.Load() != 2*most || s.events(t) != most {
			t.Errorf("%d are stored, %d refused, %d there", stored.Load(), full.Load(), s.events(t))
		}
		s.reopen(t)
		take(t, s.reader(t, "score", taken), most)
		eventually(t, "there is room", func() bool { return s.events(t) == 0 })
	}
}

// A crash that tears the newest message leaves all of its events out, and none of those before it.
func TestTornGroup(t *testing.T) {
	s := newSite(t, func(s *site) {
		s.config.Types = s.config.Types[1:]
		s.config.tuning.interval = time.Hour // the mark knows of nothing
	}).open(t)
	s.store(t, taken, 1, 30)
	group := &contents{}
	for n := 31; n <= 50; n++ {
		group.add(id(n), "t1", eventOf(n, "t1", fmt.Sprint(n)))
	}
	if _, err := s.conn.RequestMsgWithContext(timeout(t), group.natsMessage(taken+"."+groupToken, "", 50)); err != nil {
		t.Fatal(err)
	}
	for _, torn := range []int64{1, 10, 700} {
		crashed := newSite(t, func(c *site) { c.config.Types = s.config.Types })
		if err := os.CopyFS(crashed.config.Dir, os.DirFS(s.config.Dir)); err != nil {
			t.Fatal(err)
		}
		gone(t, filepath.Join(crashed.config.Dir, "jetstream", account, "streams", Stream, "msgs", "index.db"))
		blocks, err := filepath.Glob(filepath.Join(crashed.streamDir(), "msgs", "*.blk"))
		if err != nil || len(blocks) != 1 {
			t.Fatal(blocks, err)
		}
		cut(t, blocks[0], torn)
		crashed.open(t)
		crashed.store(t, taken, 31, 31) // its emitter tries again
		if got := take(t, crashed.reader(t, "score", taken), 31); got != numbered(1, 31) {
			t.Errorf("torn by %d: got %s", torn, got)
		}
		if got := crashed.events(t); got != 31 {
			t.Errorf("torn by %d: %d events are there", torn, got)
		}
		crashed.stop(t)
	}
}

// model is what an outbox should hold.
type model struct {
	stored map[int]bool
	order  map[string][]string // texts by type and key
}

// Whatever is stored by whom, with ids that come again, over restarts, small and large: each id is
// stored once, and all come in order, by key.
func TestStoreModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t, func(s *site) {
		s.config.Duplicates = time.Hour
		s.config.MaxBytes = 64 << 20
		s.spec.Outbox.MaxBytes = 128 << 20
	}).open(t)
	m := model{map[int]bool{}, map[string][]string{}}
	total := map[string]int{}
	for round := range 60 {
		pending := map[int]*Pending{}
		for range random.IntN(200) {
			n := 1 + random.IntN(4000)
			kind, key := []string{solved, taken}[n%2], fmt.Sprintf("k%d", n%7)
			text := fmt.Sprint(n)
			if n%11 == 0 {
				text += strings.Repeat(" ", random.IntN(60_000))
			}
			p, err := s.Store(timeout(t), kind+"."+key, id(n), eventOf(n, key, text))
			if err != nil {
				t.Fatal(err)
			}
			if pending[n] = p; !m.stored[n] {
				m.stored[n] = true
				total[kind]++
				m.order[kind+key] = append(m.order[kind+key], fmt.Sprint(n))
			}
		}
		for n, p := range pending {
			if err := p.Wait(timeout(t)); err != nil {
				t.Fatalf("round %d: event %d: %v", round, n, err)
			}
		}
		if random.IntN(6) == 0 {
			s.reopen(t)
		}
	}
	if got := s.events(t); got != uint64(len(m.stored)) {
		t.Errorf("%d events are counted, and %d are stored", got, len(m.stored))
	}
	s.reopen(t)
	eventually(t, "the backlogs", func() bool {
		r := s.Stats().Readers
		return r[0].Pending == uint64(total[solved]) && r[2].Pending == uint64(total[taken])
	})
	got := map[string][]string{}
	p := s.reader(t, "score", solved, taken)
	for range len(m.stored) {
		e := p.get(t, 1)
		p.answer(t, wire.Handled, e...)
		var n int
		_, _ = fmt.Sscan(string(e[0].Message), &n)
		place := fmt.Sprintf("%sk%d", e[0].kind, n%7)
		got[place] = append(got[place], fmt.Sprint(n))
	}
	for place, want := range m.order {
		if strings.Join(got[place], " ") != strings.Join(want, " ") {
			t.Errorf("%s: got %v\nwant %v", place, got[place], want)
		}
	}
}
