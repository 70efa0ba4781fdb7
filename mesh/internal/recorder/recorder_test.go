package recorder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// kit is a recorder with a few steps of one type.
type kit struct {
	*Recorder
	clock                              *clock.Clock
	paths                              *cause.Tree
	admitted, handled, failed, refused *Channel
	admittedSoFar                      uint64
}

func newKit(t testing.TB, bytes int64) *kit {
	t.Helper()
	c := clock.New(nil)
	t.Cleanup(c.Close)
	k := &kit{clock: c, paths: cause.NewTree(100)}
	k.Recorder = New(Spec{Node: "clue-1", Bytes: bytes, Slow: time.Second, Clock: c, Paths: k.paths})
	step := func(outcome stats.Outcome, place, rule string) *Channel {
		return k.Channel(Step{Type: "clue.answer.judged", Outcome: outcome, Place: place, Rule: rule})
	}
	k.admitted, k.handled = step(stats.Admitted, "", ""), step(stats.Handled, "handler count", "")
	k.failed, k.refused = step(stats.Failed, "handler count", ""), step(stats.Refused, "emit", "emit-limit")
	return k
}

// root makes the header of a root event.
func (k *kit) root(key string) *cause.Header {
	h := cause.NewRoot(k.paths.Root("clue-1:clue.answer.judged"), key, k.clock.Wall())
	return &h
}

// find collects the records of roots.
func (k *kit) find(a Ask) (found []why.Record) {
	k.Find(a, func(r why.Record) { found = append(found, r) })
	return found
}

func roots(ids ...cause.ID) map[cause.ID]bool {
	set := map[cause.ID]bool{}
	for _, id := range ids {
		set[id] = true
	}
	return set
}

func TestWhatIsRecordedIsFound(t *testing.T) {
	k := newKit(t, 1<<20)
	h, other := k.root("otters"), k.root("owls")
	child := h.Effect(h.Lineage().Child("clue-1:clue.answer.judged"), strings.Repeat("k", 99), k.clock.Wall(), 0)
	fresh := child.Effect(k.paths.Root("clue-1:clue.answer.judged"), "", k.clock.Wall(), 0) // of NewRoot
	for _, h := range []*cause.Header{h, other, &child, &fresh} {
		k.admitted.Note(h, 1, Span{}, nil)
	}
	begun := k.clock.Now()
	k.failed.Note(h, 1, Span{Begun: begun, Took: 7}, errors.New("no such account"))

	found := k.find(Ask{Roots: roots(h.Root)})
	if len(found) != 3 {
		t.Fatalf("%d records of the root: %+v", len(found), found)
	}
	failed := found[0]
	if failed.Node != "clue-1" || failed.Event != h.ID || failed.Root != h.ID || failed.Type != "clue.answer.judged" || failed.Key != "otters" ||
		failed.Outcome != stats.Failed || failed.Place != "handler count" || failed.Took != 7 || failed.At != k.clock.Stamp(begun) || failed.Emitted != h.At() ||
		failed.Error != "no such account" || strings.Join(failed.Path, " ") != "clue-1:clue.answer.judged" || failed.Count != 1 {
		t.Errorf("%+v", failed)
	}
	if c := found[2]; c.Parent != h.ID || len(c.Path) != 2 || c.Key != strings.Repeat("k", 43)+"…" || c.At != child.At() {
		t.Errorf("the effect: %+v", c)
	}
	imported := cause.NewRoot(k.paths.Root("hunt-1:clue.answer.judged"), "", 1)
	k.admitted.Note(&imported, 2, Span{}, nil)
	if found := k.find(Ask{Events: roots(imported.ID)}); len(found) != 0 {
		t.Errorf("what is imported is recorded as admitted too: %+v", found)
	}
	if found := k.find(Ask{Events: roots(child.ID)}); len(found) != 1 || found[0].Event != child.ID {
		t.Errorf("by event: %+v", found)
	}
	if found := k.find(Ask{Causes: roots(child.ID)}); len(found) != 1 || found[0].Event != fresh.ID {
		t.Errorf("by cause: %+v", found)
	}
}

// That nobody reads an event is known when it is emitted, and has the time of that.
func TestWhatNobodyReadsHasTheTimeOfItsEmit(t *testing.T) {
	k := newKit(t, 1<<20)
	unheard := k.Channel(Step{Type: "clue.answer.judged", Outcome: stats.Unheard, Place: "export"})
	h := cause.NewRoot(k.paths.Root("clue-1:clue.answer.judged"), "", 1)
	unheard.Note(&h, 1, Span{}, nil)
	if found := k.find(Ask{Events: roots(h.ID)}); len(found) != 1 || found[0].Outcome != stats.Unheard || found[0].At != h.At() {
		t.Errorf("%+v", found)
	}
}

// In each second the first ones of a storm are recorded, whatever was before.
func TestEachSecondOfAStormBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, 1<<20)
		defer k.clock.Close()
		for second := range 3 {
			recorded := 0
			for range 1000 {
				if k.refused.Wants(nil) {
					recorded++
				}
			}
			if recorded < wholeRefusals || recorded > wholeRefusals+1 {
				t.Errorf("%d are recorded in second %d", recorded, second)
			}
			for range 500 { // the coarse clock goes on while somebody asks
				time.Sleep(4 * time.Millisecond)
				k.clock.Coarse()
			}
		}
	})
}

// What falls out is counted, and the ring says how far back it reaches.
func TestWhatFallsOutIsCounted(t *testing.T) {
	k := newKit(t, 1<<20)
	const events = 20_000
	for i := range events {
		h := k.root("otters")
		k.admitted.Note(h, uint64(i), Span{}, nil)
	}
	held := uint64(0)
	for i := range k.usual {
		k.usual[i].unstage()
		held += min(k.usual[i].next, k.usual[i].length())
	}
	s := k.Stats()
	if s.FellOut+held != events || s.FellOut == 0 || s.Missed != 0 {
		t.Errorf("%+v, and %d of %d are held", s, held, events)
	}
	if s.Since == 0 || s.Since > k.clock.Wall() {
		t.Errorf("reaches back to %d", s.Since)
	}
}

// The rings keep to their bytes.
func TestRingsStayWithinTheirBytes(t *testing.T) {
	if size := unsafe.Sizeof(record{}); size != recordBytes {
		t.Errorf("a record has %d bytes", size)
	}
	for _, bytes := range []int64{1 << 20, 32 << 20, 100 << 20} {
		sum := int64(0)
		for _, r := range newKit(t, bytes).rings() {
			sum += int64(len(r.chunks)) * chunkBytes(r.texted)
		}
		if sum > bytes || sum < bytes*3/4 {
			t.Errorf("rings of %d bytes for %d", sum, bytes)
		}
	}
}

// A storm is recorded in part, with its number, and washes out nothing else: refusals no failures,
// and those of one handler none of another. A cascade that is kept misses nothing.
func TestAStormWashesNothingOut(t *testing.T) {
	k := newKit(t, 32<<20)
	other := k.Channel(Step{Type: "clue.answer.judged", Outcome: stats.Failed, Place: "handler other"})
	h := k.root("otters")
	other.Note(h, 1, Span{}, errors.New("no such account"))
	const storm, most = 300_000, 30_000
	for _, c := range []*Channel{k.refused, k.failed} {
		recorded, told := 0, uint64(0)
		ring := &k.refusals
		if c == k.failed {
			ring = &k.trouble
		}
		from := ring.next
		for i := range uint64(storm) {
			if h := k.root("owls"); c.Wants(h) {
				recorded++
				c.Note(h, i+1, Span{}, stats.ErrRefused)
				if recorded%1000 == 0 { // before it falls out
					from, _ = ring.read(from, func(s *seen) { told += uint64(s.count) })
				}
			}
		}
		ring.read(from, func(s *seen) { told += uint64(s.count) })
		if told += c.skipped.Load(); recorded > most || told != storm {
			t.Errorf("%s: %d records tell of %d of %d", c.step.Outcome, recorded, told, storm)
		}
	}
	if found := k.find(Ask{Roots: roots(h.Root)}); len(found) != 1 {
		t.Errorf("the other failure is washed out: %+v", found)
	}
	kept := k.root("kept")
	k.Also(kept.Root)
	for range 100 {
		if !k.failed.Wants(kept) {
			t.Fatal("a failure of a cascade that is kept is left out")
		}
	}
}

// What goes wrong, takes too long or belongs to a cascade that is followed is news.
func TestNews(t *testing.T) {
	k := newKit(t, 1<<20)
	n := k.News()
	read := func() (troubled, later []string) {
		n.Read(func(r why.Record) { troubled = append(troubled, r.Key+" "+string(r.Outcome)) }, func(r why.Record) { later = append(later, r.Key+" "+string(r.Outcome)) })
		return troubled, later
	}
	usual := func() *cause.Header { // of a root that is no sample
		for {
			if h := k.root("usual"); !why.Sampled(h.Root) {
				return h
			}
		}
	}
	k.admitted.Note(usual(), 1, Span{}, nil)
	if troubled, later := read(); len(troubled)+len(later) != 0 || len(n.Wake()) != 0 {
		t.Errorf("news of what is usual: %q, %q", troubled, later)
	}
	bad, slow, followed := usual(), usual(), usual()
	bad.Key, slow.Key, followed.Key = "bad", "slow", "followed"
	k.failed.Note(bad, 1, Span{}, errors.New("no"))
	k.handled.Note(slow, 1, Span{Begun: k.clock.Now(), Took: int64(time.Second)}, nil)
	k.Follow([]cause.ID{followed.Root})
	k.handled.Note(followed, 2, Span{Begun: k.clock.Now(), Took: 1}, nil)
	<-n.Wake()
	if troubled, later := read(); fmt.Sprint(troubled, later) != "[bad failed slow handled] [followed handled]" {
		t.Errorf("news: %q, later %q", troubled, later)
	}
	k.Follow(nil)
	k.Also(usual().Root)
	k.handled.Note(followed, 3, Span{}, nil)
	k.failed.Note(bad, 2, Span{}, errors.New("no"))
	k.failed.Note(bad, 3, Span{}, errors.New("no")) // while a call is there that nobody has taken
	if troubled, later := read(); len(troubled) != 2 || len(later) != 0 {
		t.Errorf("news: %q, later %q", troubled, later)
	}
}

// One cascade in 10,000 is a sample, whoever asks.
func TestSamples(t *testing.T) {
	samples := 0
	for range 1_000_000 {
		if why.Sampled(cause.NewID(1)) {
			samples++
		}
	}
	if samples < 50 || samples > 200 {
		t.Errorf("%d samples in a million", samples)
	}
}

// badError panics when it is asked for its text.
type badError struct{ text *string }

func (e badError) Error() string { return *e.text }

func TestTexts(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"none":   {nil, ""},
		"long":   {errors.New(strings.Repeat("é", 1000)), strings.Repeat("é", 254) + "?…"},
		"panics": {badError{}, "<nil>"},
		"bytes":  {errors.New("a\xffb"), "a?b"},
	} {
		got := textOf(c.err)
		if name == "panics" {
			if !strings.Contains(got, "PANIC") && got != c.want {
				t.Errorf("%s: %q", name, got)
			}
			continue
		}
		if got != c.want || len(got) > maxText {
			t.Errorf("%s: %q has %d bytes", name, got, len(got))
		}
	}
}

// Recording allocates nothing once a ring's memory is there.
func TestRecordingAllocatesNothing(t *testing.T) {
	k := newKit(t, 1<<20)
	h := k.root("otters")
	record := func() {
		k.admittedSoFar++
		k.admitted.Note(h, k.admittedSoFar, Span{}, nil)
		k.handled.Note(h, k.admittedSoFar, Span{Begun: h.At(), Took: 1}, nil)
	}
	for range 20_000 {
		record()
	}
	if n := testing.AllocsPerRun(100, record); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Writers and readers side by side: every record that is read is whole.
func TestRecordsAreWhole(t *testing.T) {
	k := newKit(t, 1<<20)
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		writers.Go(func() {
			for i := range uint64(20_000) {
				h := cause.NewRoot(k.paths.Root("clue-1:clue.answer.judged"), "", 1)
				h.Parent, h.Key = h.ID, h.ID.String()
				if i%100 == 0 {
					k.failed.Note(&h, i, Span{}, errors.New(h.Key))
				}
				k.admitted.Note(&h, i, Span{}, nil)
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for {
				for _, ring := range k.rings() {
					ring.read(0, func(s *seen) {
						if s.root != s.event || s.parent != s.event || s.keyText() != s.event.String() || s.text != "" && s.text != s.keyText() {
							t.Errorf("torn: %+v %q", s.record, s.text)
						}
					})
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

// A node without a recorder records and finds nothing.
func TestNoRecorder(t *testing.T) {
	var r *Recorder
	if c := r.Channel(Step{Outcome: stats.Failed}); c != nil || c.Wants(nil) {
		t.Error("a channel of no recorder")
	}
	r.Find(Ask{}, func(why.Record) { t.Error("found something") })
	if r.Stats() != nil || New(Spec{}) != nil {
		t.Error("there is one")
	}
}

func BenchmarkNote(b *testing.B) {
	k := newKit(b, 32<<20)
	h := k.root("otters")
	for i := range uint64(400_000) { // the rings' memory is there
		k.admitted.Note(h, i, Span{}, nil)
		k.handled.Note(h, i, Span{Begun: h.At(), Took: 1}, nil)
	}
	var id uint64
	b.ReportAllocs()
	for b.Loop() {
		id++
		binary.BigEndian.PutUint64(h.ID[8:], id)
		k.admitted.Note(h, id, Span{}, nil)
		k.handled.Note(h, id, Span{Begun: h.At(), Took: 1}, nil)
	}
}
