package mesh_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// A node that keeps all letters keeps those of its own events and of an import that is not durable,
// with root, path, key, error and value, also when it was opened again; each can be replayed, and
// one that fails again stays.
func TestAllLettersAreKept(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	handled := make(chan solved, 10)
	fail := func(_ context.Context, s solved) error {
		if broken.Load() {
			return errors.New("no such team")
		}
		handled <- s
		return nil
	}
	score := scoreNode("score-1", mesh.Shared, nil)
	score.Data, score.Letters = mesh.Path(t.TempDir()), mesh.AllLetters
	once := mesh.Retry{Tries: 1}
	score.Handlers = []mesh.Handler{clueSolved.Handle("count", fail, once), scoreCounted.Handle("show", fail, once)}
	nodes := openAll(t, clueNode("clue-1"), score)
	emit(t, nodes[0], clueSolved, solved{Team: "otters", Clue: "bell"})
	emit(t, nodes[1], scoreCounted, solved{Team: "owls"})
	letters := awaitLetters(t, nodes[1], 2)
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	again := openAll(t, clueNode("clue-1"), score)[1]
	for i, l := range awaitLetters(t, again, 2) {
		want := map[string]string{"clue.clue.solved": "count otters clue-1:clue.clue.solved", "score.solve.counted": "show owls score-1:score.solve.counted"}[l.Type]
		if got := l.Handler + " " + l.EventKey + " " + strings.Join(l.Path, " "); got != want || l.Error != "no such team" || l.Tries != 1 || l.Root != l.Event || l.Peer != "" ||
			l.Key != letters[i].Key || l.At != letters[i].At {
			t.Errorf("%+v, before %+v", l, letters[i])
		}
		shown, err := again.Letter(l.Key)
		if err != nil || len(shown.Payload) == 0 {
			t.Errorf("%+v, %v", shown, err)
		}
		if err := again.ReplayLetter(within(t), l.Key); err == nil || !strings.Contains(err.Error(), "no such team") {
			t.Errorf("replayed while it is broken: %v", err)
		}
	}
	awaitLetters(t, again, 2)
	broken.Store(false)
	if err := again.ReplayLetter(within(t), letters[0].Key); err != nil {
		t.Error(err)
	}
	if s := receive(t, handled); s.Team != letters[0].EventKey {
		t.Errorf("handled %+v of letter %+v", s, letters[0])
	}
	awaitLetters(t, again, 1)
	if err := again.DropLetter(letters[1].Key); err != nil {
		t.Error(err)
	}
	awaitLetters(t, again, 0)
	if err := again.DropLetter(letters[1].Key); !errors.Is(err, mesh.ErrNoLetter) {
		t.Errorf("dropped twice: %v", err)
	}
}

// awaitLetters waits until the node lists so many, and its counters say the same.
func awaitLetters(t *testing.T, n *mesh.Node, count int) (letters []stats.Letter) {
	t.Helper()
	await(t, "the letters", func() bool {
		var err error
		if letters, err = n.Letters(); err != nil {
			t.Fatal(err)
		}
		return len(letters) == count && n.Stats().Letters.Count == count
	})
	return letters
}

// Each event that is given up is kept or its letter is counted as lost, at the handler by a rule of
// its own, however many there are at once.
func TestAStormOfLetters(t *testing.T) {
	const many = 2000
	n := openCore(t, mesh.Config{Data: mesh.Path(t.TempDir()), Letters: mesh.AllLetters, Handlers: []mesh.Handler{
		stepTaken.Handle("fail", func(context.Context, step) error { return errors.New("no") }, mesh.Retry{Tries: 1})}})
	emitMany(t, n, stepTaken, "storm", many)
	finish(t, n)
	lost := counted(n, stepTaken.Subject(), stats.Lost, "handler fail", stats.NoRoom)
	letters, err := n.Letters()
	if err != nil || len(letters) == 0 || uint64(len(letters))+lost != many {
		t.Errorf("%d letters and %d lost of %d: %v", len(letters), lost, many, err)
	}
}

// An event that cannot be encoded has no letter, and is counted by what is wrong with it.
func TestALetterThatCannotBeEncoded(t *testing.T) {
	for name, test := range unencodable {
		if name == "an int in an any" || name == "over max_payload" { // a letter stays on its node
			continue
		}
		reasons := make(chan string, 1)
		n := openCore(t, mesh.Config{Data: mesh.Path(t.TempDir()), Letters: mesh.AllLetters, Handlers: []mesh.Handler{
			parcelSent.Handle("fail", func(context.Context, parcel) error { return errors.New("no") }, mesh.Retry{Tries: 1}),
			mesh.DeadLetters.Handle("tell", func(_ context.Context, d mesh.DeadLetter) error { reasons <- d.NoPayload; return nil })}})
		if err := parcelSent.Emit(n.Context(t.Context()), test.value); err != nil {
			t.Fatal(err)
		}
		finish(t, n)
		wantCount(t, n, parcelSent.Subject(), stats.Lost, "handler fail", test.rule, 1)
		wantCount(t, n, parcelSent.Subject(), stats.Lost, "handler fail", "", 1) // and by no other rule
		if letters, err := n.Letters(); err != nil || len(letters) != 0 {
			t.Errorf("%s: %+v, %v", name, letters, err)
		}
		if why := receive(t, reasons); why == "" {
			t.Errorf("%s: the dead letter does not say why it has no value", name)
		}
	}
}

// A value is encoded once, for the letter and for the dead letter, and not at all if there is no
// room and nobody listens.
func TestALetterIsEncodedOnce(t *testing.T) {
	for _, listens := range []bool{false, true} {
		encoded, told := 0, 0
		handlers := []mesh.Handler{parcelSent.Handle("fail", func(context.Context, parcel) error { return errors.New("no") }, mesh.Retry{Tries: 1})}
		if listens {
			handlers = append(handlers, mesh.DeadLetters.Handle("tell", func(context.Context, mesh.DeadLetter) error { told++; return nil }))
		}
		n := openCore(t, mesh.Config{Data: mesh.Path(t.TempDir()), Letters: mesh.AllLetters, Handlers: handlers})
		const many = 600 // more than wait in memory
		for range many {
			if err := parcelSent.Emit(n.Context(t.Context()), parcel{Key: "k", Codec: badCodec{N: 1, encoded: &encoded}}); err != nil {
				t.Fatal(err)
			}
		}
		finish(t, n)
		letters, err := n.Letters()
		want := len(letters)
		if listens {
			want = many
		}
		if err != nil || encoded != want || listens && told != many {
			t.Errorf("%d letters, %d told; encoded %d times, want %d: %v", len(letters), told, encoded, want, err)
		}
		wantCount(t, n, parcelSent.Subject(), stats.Lost, "handler fail", stats.NoRoom, uint64(many-len(letters)))
	}
}

// What keeps all letters needs a place to keep them, and a mistyped word is found at start.
func TestLettersNeedAPlace(t *testing.T) {
	for problem, c := range map[string]mesh.Config{
		"data: all dead letters are to be kept, and there is no directory to keep it in; name a directory of this node's own": {Name: "core-1", Letters: mesh.AllLetters},
		`letters: "everything" is unknown; choose durable or all`:                                                             {Name: "core-1", Letters: "everything"},
	} {
		if _, err := mesh.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%v, want %s", err, problem)
		}
	}
}
