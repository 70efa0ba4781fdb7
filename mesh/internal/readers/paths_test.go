package readers

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// told are the steps of the paths that a reader was told since it was asked last, and it answers
// that it knows them, as a process p.
func (s *site) told(name string, p byte, answers bool) (paths []string) {
	s.t.Helper()
	for _, m := range s.heard(name) {
		told, ok := m.(*wire.Paths)
		if !ok {
			continue
		}
		known := &wire.KnownPaths{Nonce: wire.ID{p}}
		for _, path := range told.Paths {
			paths = append(paths, strings.Join(path.Steps, " "))
			known.Numbers = append(known.Numbers, path.Number)
		}
		if answers {
			s.say(name, known)
		}
	}
	return paths
}

func (s *site) wantTold(name string, p byte, answers bool, paths ...string) {
	s.t.Helper()
	if got := s.told(name, p, answers); !slices.Equal(got, paths) {
		s.t.Errorf("%s was told %q, want %q", name, got, paths)
	}
}

func (s *site) number(p *cause.Path) uint64 {
	s.t.Helper()
	number, ok := s.Number(p)
	if !ok {
		s.t.Fatalf("%s has no number", p)
	}
	return number
}

// A reader is told the paths of its own events, and nobody else's, until it says that it knows
// them. What it knows is its process's: one that comes over another link may be another process.
func TestAReaderIsToldThePathsOfItsEvents(t *testing.T) {
	s, tree, now := newSite(t, nil, "score-1", "mail-1"), cause.NewTree(8), time.Now()
	s.greet("score-1", 1, solved)
	s.greet("mail-1", 1, solved)
	score, mail := s.reader(solved, "score-1"), s.reader(solved, "mail-1")
	first, second := tree.Root("clue-1:"+solved), tree.Root("hunt-1:hunt.hunt.begun").Child("clue-1:"+solved)

	if score.Knows(s.number(first), score.Link()) || mail.Knows(s.number(second), mail.Link()) {
		t.Error("a path is known that was not told")
	}
	s.Look(now)
	s.wantTold("score-1", 1, false, "clue-1:"+solved)
	s.wantTold("mail-1", 1, true, "hunt-1:hunt.hunt.begun clue-1:"+solved)
	if score.Knows(s.number(first), score.Link()) || mail.Knows(s.number(first), mail.Link()) || !mail.Knows(s.number(second), mail.Link()) {
		t.Error("what is known is not what was answered")
	}
	s.Look(now.Add(tellPathsEach - 1))
	s.wantTold("score-1", 1, true)
	s.Look(now.Add(tellPathsEach))
	s.wantTold("score-1", 1, true, "clue-1:"+solved)
	s.wantTold("mail-1", 1, true, "clue-1:"+solved) // it was asked about it above
	s.Look(now.Add(time.Hour))
	s.wantTold("score-1", 1, true)
	if !score.Knows(s.number(first), score.Link()) {
		t.Error("it does not know what it was told")
	}

	s.lines["score-1"].relink()
	if score.Knows(s.number(first), score.Link()) {
		t.Error("another link has the same process")
	}
	s.greet("score-1", 1, solved)
	s.Look(now.Add(2 * time.Hour))
	s.wantTold("score-1", 1, true, "clue-1:"+solved)
	if again := s.reader(solved, "score-1"); !again.Knows(s.number(first), again.Link()) {
		t.Error("the same process over another link does not know what it was told")
	}
	s.greet("score-1", 2, solved)
	if again := s.reader(solved, "score-1"); again.Knows(s.number(first), again.Link()) {
		t.Error("another process knows what was told to the one before")
	}
}

// What a reader says to know counts for its process, and for numbers of this one.
func TestWhatAReaderSaysToKnow(t *testing.T) {
	s, path := newSite(t, nil, "score-1"), cause.NewTree(8).Root("clue-1:"+solved)
	number := s.number(path)
	s.say("score-1", &wire.KnownPaths{Nonce: wire.ID{1}, Numbers: []uint64{number}}) // no hello before
	s.greet("score-1", 1, solved)
	score := s.reader(solved, "score-1")
	for name, said := range map[string]*wire.KnownPaths{
		"another process":        {Nonce: wire.ID{2}, Numbers: []uint64{number}},
		"numbers of another one": {Nonce: wire.ID{1}, Numbers: []uint64{number ^ wire.MaxLinkPaths, 1<<64 - 1}},
		"nothing":                {Nonce: wire.ID{1}},
	} {
		if s.say("score-1", said); score.Knows(number, score.Link()) {
			t.Errorf("%s: it counts", name)
		}
	}
	s.lines["score-1"].set(true)
	s.say("score-1", &wire.KnownPaths{Nonce: wire.ID{1}, Numbers: []uint64{number}})
	if score.Knows(number, score.Link()) {
		t.Error("it counts without a link")
	}
	if n := s.malformed(); n != 0 {
		t.Errorf("%d messages are malformed", n)
	}
}

// A process numbers as many paths as a dictionary may have, and none that is kept for one event
// alone. All of them can be told, in messages that the reader takes.
func TestManyPaths(t *testing.T) {
	s, tree, now := newSite(t, nil, "score-1"), cause.NewTree(3*wire.MaxLinkPaths), time.Now()
	s.greet("score-1", 1, solved)
	score, numbers := s.reader(solved, "score-1"), map[uint64]bool{}
	for i := range wire.MaxLinkPaths {
		number := s.number(tree.Root("clue-1:" + solved).Child(fmt.Sprintf("clue-1:a.b.c%d", i%1024)).Child(fmt.Sprintf("clue-1:a.b.d%d", i/1024)))
		score.Knows(number, score.Link())
		numbers[number] = true
	}
	if _, ok := s.Number(tree.Root("clue-1:a.b.c")); ok || len(numbers) != wire.MaxLinkPaths {
		t.Errorf("%d numbers, and one more: %v", len(numbers), ok)
	}
	late := tree.Root("clue-1:a.b.c")
	if n := testing.AllocsPerRun(100, func() { s.Number(late) }); n != 0 {
		t.Errorf("an event on a path without a number allocates %v times", n)
	}
	told := 0
	for i := range wire.MaxLinkPaths {
		s.Look(now.Add(time.Duration(i) * 100 * time.Millisecond))
		told += len(s.told("score-1", 1, true))
	}
	for number := range numbers {
		if !score.Knows(number, score.Link()) {
			t.Errorf("%d is not known; told %d", number, told)
		}
	}
	if run, _ := score.Place(); wire.ProcessOf(run) != wire.ProcessOf(s.number(tree.Root("clue-1:"+solved).Child("clue-1:a.b.c0").Child("clue-1:a.b.d0"))) {
		t.Errorf("run %d is not of the process that numbers paths", run)
	}
	if strings.Contains(s.log.String(), "not told") {
		t.Errorf("%.1000s", &s.log)
	}

	if n := strings.Count(s.log.String(), "more paths of events than have numbers on links"); n != 1 {
		t.Errorf("said %d times that there are no more numbers", n)
	}
}

// Paths that began at other nodes leave half of the numbers, and of their bytes, to those that
// began here. A path that is kept for one event has none.
func TestWhatPathsOfOthersLeave(t *testing.T) {
	s := newSite(t, nil)
	if _, ok := s.Number(cause.NewTree(0).Root("clue-1:" + solved)); ok || strings.Contains(s.log.String(), "numbers") {
		t.Errorf("a path that is kept for one event has a number\n%s", &s.log)
	}
	numbered := func(s *site, root string, steps int) (paths int) {
		tree := cause.NewTree(8 * wire.MaxLinkPaths)
		for i := range 2 * wire.MaxLinkPaths {
			path := tree.Root(root)
			for range steps {
				path = path.Child(fmt.Sprintf("clue-1:%s.b.c%d", strings.Repeat("a", 100), i%1024))
			}
			if _, ok := s.Number(path.Child(fmt.Sprintf("clue-1:a.b%d.c", i/1024))); ok {
				paths++
			}
		}
		return paths
	}
	if others, own := numbered(s, "hunt-1:"+solved, 1), numbered(s, "clue-1:"+solved, 1); others != wire.MaxLinkPaths/2 || own != wire.MaxLinkPaths/2 {
		t.Errorf("%d paths of others, and then %d of its own", others, own)
	}
	s = newSite(t, nil)
	if others, own := numbered(s, "hunt-1:"+solved, 9), numbered(s, "clue-1:"+solved, 9); others < 400 || own < others-1 || own > others+1 {
		t.Errorf("%d long paths of others, and then %d of its own", others, own)
	}
}

// What a process said before it ended does not count for the one that has its link.
func TestWhatAFormerProcessKnew(t *testing.T) {
	s, path := newSite(t, nil, "score-1"), cause.NewTree(8).Root("clue-1:"+solved)
	s.greet("score-1", 1, solved)
	s.Look(time.Now())
	s.lines["score-1"].relink()
	s.say("score-1", &wire.KnownPaths{Nonce: wire.ID{1}, Numbers: []uint64{s.number(path)}}) // it was under way
	if r := s.reader(solved, "score-1"); r.Knows(s.number(path), r.Link()) {
		t.Error("it counts")
	}
}

// What was known over a former link is never taken for known over the one that takes its place,
// also by those who ask at that moment.
func TestWhatWasKnownOverAFormerLink(t *testing.T) {
	const number, links = wire.MaxLinkPaths - 1, 100_000
	l := &lexicon{}
	var next atomic.Uint64
	next.Store(1)
	var asks sync.WaitGroup
	asks.Go(func() {
		for link := next.Load(); link < links; link = next.Load() {
			if l.knows(number, link+1) && l.link.Load() == link+1 { // else it is known over the next one
				t.Errorf("link %d has what link %d had", link+1, link)
				return
			}
		}
	})
	for link := uint64(1); link < links; link += 2 {
		l.learn(link, 0, []uint64{number})
		next.Store(link) // from here on somebody asks about the next one
		l.learn(link+1, 0, nil)
		next.Store(link + 2)
	}
	asks.Wait()
}

// A reader with little room is told what fits, and the rest stays whole.
func TestAPathThatDoesNotFit(t *testing.T) {
	s, tree := newSite(t, nil, "score-1"), cause.NewTree(64)
	s.greet("score-1", 1, solved) // it takes 500 bytes
	score, long := s.reader(solved, "score-1"), tree.Root("clue-1:"+solved)
	for range 20 {
		long = long.Child("clue-1:" + solved)
	}
	score.Knows(s.number(long), score.Link())
	score.Knows(s.number(tree.Root("clue-1:"+solved)), score.Link())
	s.Look(time.Now())
	s.wantTold("score-1", 1, true, "clue-1:"+solved)
}

// An event out of the outbox is short for who knows its path.
func TestShorten(t *testing.T) {
	s, tree := newSite(t, nil, "score-1"), cause.NewTree(8)
	s.env.PathOf = tree.Walk
	e := wire.Envelope{ID: wire.ID{1}, Root: wire.ID{1}, Key: "k", Path: [][]byte{[]byte("clue-1:" + taken)}, Payload: []byte{0xA0}}
	event, err := wire.AppendEvent(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	want := func(short bool, why string) {
		t.Helper()
		if got, ok := s.Shorten("score-1", nil, event); ok != short || (len(got) > 0) != short {
			t.Errorf("%s: %x", why, got)
		}
	}
	want(false, "no hello")
	s.greet("score-1", 1, solved)
	want(false, "not told")
	s.Look(time.Now())
	s.told("score-1", 1, true)
	want(true, "known")
	path := wire.NumberedPath{Number: s.number(tree.Walk(e.Path)), Steps: []string{"clue-1:" + taken}}
	d, err := (*wire.Dictionary)(nil).Learn([]wire.NumberedPath{path})
	if err != nil {
		t.Fatal(err)
	}
	appended, _ := s.Shorten("score-1", []byte("before"), event)
	if long := wire.Lengthen(bytes.TrimPrefix(appended, []byte("before")), d); !bytes.Equal(long, event) {
		t.Errorf("it comes back as %x, was %x", long, event)
	}
	s.lines["score-1"].relink()
	want(false, "another link")
	if got, ok := s.Shorten("score-1", nil, []byte{1}); ok {
		t.Errorf("what is no event became %x", got)
	}
	if got, ok := s.Shorten("mail-1", nil, event); ok {
		t.Errorf("for nobody it became %x", got)
	}
}
