package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/recorder"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// kit is an archive of a recorder that a test writes into.
type kit struct {
	*Archive
	t                 testing.TB
	admitted, handled *recorder.Channel
	paths             *cause.Tree
	total             uint64
}

func newKit(t testing.TB, folder string) *kit {
	t.Helper()
	c := clock.New(nil)
	t.Cleanup(c.Close)
	k := &kit{t: t, paths: cause.NewTree(100)}
	r := recorder.New(recorder.Spec{Node: "clue-1", Bytes: 1 << 20, Slow: time.Second, Clock: c, Paths: k.paths})
	k.admitted = r.Channel(recorder.Step{Type: "clue.answer.judged", Outcome: stats.Admitted})
	k.handled = r.Channel(recorder.Step{Type: "clue.answer.judged", Outcome: stats.Handled, Place: "handler count"})
	var err error
	k.Archive, err = Open(Spec{Node: "clue-1", Folder: folder, Bytes: 256 << 10, Recorder: r, Clock: c, Log: journal.New(nil, "clue-1")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// failing makes the channel of a handler that fails.
func (k *kit) failing(handler string) *recorder.Channel {
	return k.Recorder.Channel(recorder.Step{Type: "clue.answer.judged", Outcome: stats.Failed, Place: "handler " + handler})
}

// emit records a root event, which is no sample.
func (k *kit) emit(key string) *cause.Header {
	for {
		h := cause.NewRoot(k.paths.Root("clue-1:clue.answer.judged"), key, k.Clock.Wall())
		if !why.Sampled(h.Root) {
			k.note(k.admitted, &h, nil)
			return &h
		}
	}
}

func (k *kit) note(c *recorder.Channel, h *cause.Header, err error) {
	k.total++
	c.Note(h, k.total, recorder.Span{}, err)
}

// wash lets all that is usual fall out of the recorder.
func (k *kit) wash() {
	for range 20_000 {
		k.emit("wash")
	}
}

// outcomes lists what is kept of a cascade.
func (k *kit) outcomes(root cause.ID) (list []string) {
	k.t.Helper()
	var records []why.Record
	if err := k.Find(recorder.Ask{Roots: map[cause.ID]bool{root: true}}, func(r why.Record) { records = append(records, r) }); err != nil {
		k.t.Error(err)
	}
	for _, r := range why.Compact(records) {
		list = append(list, strings.TrimSpace(string(r.Outcome)+" "+r.Error))
	}
	return list
}

func (k *kit) want(root cause.ID, want ...string) {
	k.t.Helper()
	if got := k.outcomes(root); fmt.Sprint(got) != fmt.Sprint(want) {
		k.t.Errorf("kept are %q, want %q", got, want)
	}
}

// Of a cascade that fails all is kept: what was before and what comes later.
func TestWhatFailsIsKept(t *testing.T) {
	for name, folder := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, folder)
			good, bad := k.emit("owls"), k.emit("otters")
			k.look()
			k.note(k.failing("count"), bad, errors.New("no such team"))
			k.look()
			k.note(k.handled, bad, nil)
			k.look()
			k.wash()
			k.look()
			k.want(bad.Root, "admitted", "failed no such team", "handled")
			k.want(good.Root)
			if s := k.Stats(k.Recorder.Stats()); s.Kept != 1 || s.Left != 0 || s.Bytes == 0 || s.Problem != "" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// What was kept is there when the node is opened again, also after half a page was written; then
// the damage is told of.
func TestWhatIsKeptSurvives(t *testing.T) {
	folder := t.TempDir()
	k := newKit(t, folder)
	first, second := k.emit("otters"), k.emit("owls")
	failing := k.failing("count")
	k.note(failing, first, errors.New("no such team"))
	k.look()
	k.note(failing, second, errors.New("no such clue"))
	k.look() // and the process is killed
	again := newKit(t, folder)
	again.want(first.Root, "admitted", "failed no such team")
	again.want(second.Root, "admitted", "failed no such clue")

	path := filepath.Join(folder, "faults.1")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	torn := newKit(t, folder)
	third := torn.emit("wolves")
	torn.note(torn.failing("count"), third, errors.New("no such hunt"))
	torn.look()
	var keys []string
	err = torn.Find(recorder.Ask{Roots: map[cause.ID]bool{first.Root: true, second.Root: true, third.Root: true}}, func(r why.Record) { keys = append(keys, r.Key) })
	if err == nil || !strings.Contains(err.Error(), "faults.1") || fmt.Sprint(keys) != "[otters otters wolves wolves]" {
		t.Errorf("%q, %v", keys, err)
	}

	at := strings.Index(string(data), "no such team")
	data[at] = 'N'
	if err := eachPage(data, func(r why.Record) { t.Errorf("believed: %+v", r) }); !errors.Is(err, errDamaged) {
		t.Errorf("a page that was changed: %v", err)
	}
}

// A storm of one trouble keeps a few, counts the others, and leaves room for another trouble.
func TestAStormIsBounded(t *testing.T) {
	k := newKit(t, t.TempDir())
	storm, other := k.failing("storm"), k.failing("other")
	for i := range 10_000 {
		k.note(storm, k.emit("storm"), errors.New("full"))
		if i%1000 == 999 {
			k.look()
		}
	}
	bad := k.emit("otters")
	k.note(other, bad, errors.New("no such team"))
	k.look()
	k.wash()
	k.want(bad.Root, "admitted", "failed no such team")
	if s := k.Stats(k.Recorder.Stats()); s.Kept < 2 || s.Kept > 20 || uint64(s.Kept)+s.Left != 10_001 {
		t.Errorf("%+v", s)
	}
}

// However many troubles, keys and roots there are, the bytes are bounded, and so is what is held in
// memory. The newest are there.
func TestBytesAreBounded(t *testing.T) {
	folder := t.TempDir()
	k := newKit(t, folder)
	long := strings.Repeat("x", 500)
	records := func(n int) (list []why.Record) {
		for range n {
			id := cause.NewID(k.Clock.Wall())
			list = append(list, why.Record{Node: "clue-1", Event: id, Root: id, Type: "a.b.c", Outcome: stats.Failed, Error: long, At: 1})
		}
		return list
	}
	var last why.Record
	for range 500 {
		for _, r := range records(100) {
			k.chosen.choose(&why.Record{Root: r.Root, Type: r.Event.String()}, k.Clock.Now()+int64(time.Hour))
		}
		k.chosen.trim()
		list := records(10)
		last = list[9]
		if err := k.faults.put(last.Root, list, k.Clock.Wall()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(k.chosen.known); n > maxFollowed || len(k.chosen.order) != n || len(k.chosen.by) > maxTroubles {
		t.Errorf("%d are followed, for %d troubles", n, len(k.chosen.by))
	}
	files, sum := sizeOf(t, folder)
	if sum > 256<<10 || sum < 128<<10 || sum != k.faults.bytes() {
		t.Errorf("%d files with %d bytes, counted %d", files, sum, k.faults.bytes())
	}
	k.want(last.Root, "failed "+long)
}

// What is older than a day goes, when something comes and when the node is opened.
func TestOldOnesGo(t *testing.T) {
	folder := t.TempDir()
	now := time.Now().UnixNano()
	var s shelf
	if err := s.open(folder, "faults", 1<<20, now); err != nil {
		t.Fatal(err)
	}
	put := func(after time.Duration) {
		t.Helper()
		if err := s.put(cause.NewID(now), []why.Record{{At: now + int64(after)}}, now+int64(after)); err != nil {
			t.Fatal(err)
		}
	}
	put(0)
	put(time.Hour)
	put(23 * time.Hour)
	if len(s.volumes) != 2 {
		t.Errorf("%d volumes", len(s.volumes))
	}
	put(26 * time.Hour)
	count := 0
	if err := s.each(func(why.Record) { count++ }); err != nil || count != 2 {
		t.Errorf("%d records, %v", count, err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if err := s.open(folder, "faults", 1<<20, now+int64(50*time.Hour)); err != nil || len(s.volumes) != 0 {
		t.Errorf("%d volumes after two days, %v", len(s.volumes), err)
	}
}

// Of cascades without trouble some are kept, in room of their own.
func TestSamplesAreKept(t *testing.T) {
	k := newKit(t, "")
	var sample cause.Header
	for {
		sample = cause.NewRoot(k.paths.Root("clue-1:clue.answer.judged"), "owls", k.Clock.Wall())
		if why.Sampled(sample.Root) {
			break
		}
	}
	k.note(k.admitted, &sample, nil)
	k.note(k.handled, &sample, nil)
	k.look()
	k.want(sample.Root, "admitted", "handled")
	if s := k.Stats(k.Recorder.Stats()); s.Kept != 0 || s.Samples != 1 || k.faults.bytes() != 0 {
		t.Errorf("%+v", s)
	}
}

// A cascade without an end does not fill the shelf.
func TestACascadeIsBounded(t *testing.T) {
	k := newKit(t, "")
	bad := k.emit("otters")
	failing := k.failing("count")
	for i := range 3000 {
		k.note(failing, bad, fmt.Errorf("try %d", i))
		if i%100 == 0 {
			k.look()
		}
	}
	k.look()
	if n := len(k.outcomes(bad.Root)); n > maxRecords || n < maxRecords/2 {
		t.Errorf("%d records of one cascade", n)
	}
}

// When nothing can be written, that is told of and counted, and the next one is tried again.
func TestADiskThatFails(t *testing.T) {
	folder := t.TempDir()
	k := newKit(t, folder)
	if err := os.MkdirAll(filepath.Join(folder, "faults.1"), 0o700); err != nil {
		t.Fatal(err)
	}
	first := k.emit("otters")
	k.note(k.failing("count"), first, errors.New("no such team"))
	k.look()
	if s := k.Stats(k.Recorder.Stats()); !strings.Contains(s.Problem, "keep a cascade: open") {
		t.Errorf("%+v", s)
	}
	if err := os.Remove(filepath.Join(folder, "faults.1")); err != nil {
		t.Fatal(err)
	}
	second := k.emit("owls")
	k.note(k.failing("other"), second, errors.New("no such clue"))
	k.look()
	k.want(second.Root, "admitted", "failed no such clue")
	if s := k.Stats(k.Recorder.Stats()); s.Problem != "" {
		t.Errorf("%+v", s)
	}
}

// Run keeps what comes, and what has come when it ends.
func TestRun(t *testing.T) {
	k := newKit(t, "")
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		k.Run(done)
		close(ended)
	}()
	failing := k.failing("count")
	first := k.emit("otters")
	k.note(failing, first, errors.New("no such team"))
	for deadline := time.Now().Add(20 * time.Second); k.Stats(k.Recorder.Stats()).Kept == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is kept")
		}
	}
	last := k.emit("owls")
	k.note(failing, last, errors.New("no such clue"))
	close(done)
	<-ended
	k.want(first.Root, "admitted", "failed no such team")
	k.want(last.Root, "admitted", "failed no such clue")
	(*Archive)(nil).Run(nil)
	if err := errors.Join((*Archive)(nil).Close(), (*Archive)(nil).Find(recorder.Ask{}, nil)); err != nil || (*Archive)(nil).Stats(nil) != nil {
		t.Error(err)
	}
}

// A cascade that somebody wants is kept like one that failed, and told of to others.
func TestWhatIsWantedIsKept(t *testing.T) {
	k := newKit(t, "")
	told := map[cause.ID]int{}
	k.Kept = func(root cause.ID, records []why.Record) { told[root] += len(records) }
	good, bad := k.emit("owls"), k.emit("otters")
	k.Keep("", []cause.ID{good.Root, good.Root})
	k.Keep("score-1", []cause.ID{bad.Root})
	k.look()
	k.note(k.handled, good, nil)
	k.note(k.failing("count"), bad, errors.New("no such team")) // it goes wrong here as well
	k.look()
	k.wash()
	k.want(good.Root, "admitted", "handled")
	k.want(bad.Root, "admitted", "failed no such team")
	if !k.chosen.has(bad.Root) || k.faults.bytes() == 0 || told[good.Root] != 2 || told[bad.Root] != 3 {
		t.Errorf("%d bytes of what went wrong, told %v", k.faults.bytes(), told)
	}
	(*Archive)(nil).Keep("", []cause.ID{good.Root})
}

// A million roots that a peer makes up stay within the budget, keep nothing, and take no room from
// what goes wrong here or from what another peer wants.
func TestRootsThatAreMadeUp(t *testing.T) {
	k := newKit(t, t.TempDir())
	bad, good := k.emit("otters"), k.emit("owls")
	k.note(k.failing("count"), bad, errors.New("no such team"))
	k.look()
	const flood = 1_000_000
	made := make([]cause.ID, 0, 100)
	for i := range flood {
		made = append(made, cause.NewID(int64(i)))
		if len(made) == cap(made) {
			k.Keep("hunt-1", made)
			made = made[:0]
		}
		if i%50_000 == 0 {
			k.look()
		}
	}
	k.Keep("score-1", []cause.ID{good.Root})
	k.look()
	k.note(k.handled, bad, nil)
	k.note(k.handled, good, nil)
	k.look()
	k.want(bad.Root, "admitted", "failed no such team", "handled")
	k.want(good.Root, "admitted", "handled")
	s := k.Stats(k.Recorder.Stats())
	if followed := len(k.told.known); followed > maxFollowed || s.Left < flood-500 || s.Kept != 2 || s.Bytes > 10<<10 || len(k.askers) != 2 || cap(k.wanted) > 2*maxFollowed {
		t.Errorf("%d are followed, %+v", followed, s)
	}
}
