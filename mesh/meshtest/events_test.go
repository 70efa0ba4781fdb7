package meshtest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

func TestEventsAreTypedAndInOrder(t *testing.T) {
	for name, settings := range map[string]meshtest.Settings{"codec": {}, "no codec": {WithoutCodecCheck: true}} {
		t.Run(name, func(t *testing.T) {
			m := settings.Open(t, clueNode(), scoreNode("score-1", mesh.Shared))
			for i := range 50 {
				emit(t, m, "clue-1", guessed, guess{"otters", fmt.Sprint(i)})
			}
			m.Settle(t)
			got := meshtest.Events(t, m, "score-1", solved)
			if len(got) != 50 {
				t.Fatalf("%d events, want 50", len(got))
			}
			for i, e := range got {
				if want := (solve{"otters", fmt.Sprint(i)}); e.Value != want {
					t.Errorf("event %d is %+v, want %+v", i, e.Value, want)
				}
				if h := e.Header; h.Origin() != "clue-1" || h.Key != "otters" || h.Depth() != 1 || h.Subject() != solved.Subject() {
					t.Errorf("event %d has header %+v", i, h)
				}
			}
			if all := m.Recorded("score-1"); len(all) != 100 {
				t.Errorf("%d events of all types, want 100", len(all))
			}
			if got := meshtest.Events(t, m, "score-1", guessed); len(got) != 0 {
				t.Errorf("a private event came to score-1: %+v", got)
			}
		})
	}
}

func TestEventsOfAnotherGoType(t *testing.T) {
	type seen struct {
		By string `cbor:"1,keyasint"`
	}
	m := openHunt(t)
	emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	m.Settle(t)
	got := meshtest.Events(t, m, "score-1", mesh.NewEvent[seen](solved.Subject()))
	if len(got) != 1 || got[0].Value.By != "otters" {
		t.Errorf("%+v", got)
	}
}

func TestEventsThatDoNotDecodeFailTheTest(t *testing.T) {
	type odd struct {
		Team int `cbor:"1,keyasint"`
	}
	oddly := mesh.NewEvent[odd](solved.Subject())
	m := openHunt(t)
	emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	m.Settle(t)
	wantFailure(t, func(t testing.TB) { meshtest.Events(t, m, "clue-1", oddly) }, "clue.clue.solved", "decode")
	wantFailure(t, func(t testing.TB) { meshtest.AwaitCount(t, m, "clue-1", oddly, 1) }, "clue.clue.solved", "decode")
}

func TestDeadLettersAreRecorded(t *testing.T) {
	m := meshtest.Open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		guessed.Handle("judge", func(context.Context, guess) error { return errors.New("no judge") }, mesh.Retry{Tries: 1}),
	}})
	emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	got := meshtest.AwaitCount(t, m, "clue-1", mesh.DeadLetters, 1)
	if letter := got[0].Value; letter.Handler != "judge" || letter.Error != "no judge" {
		t.Errorf("%+v", letter)
	}
}

func TestAwaitSeesWhatCameBeforeAndWhatComes(t *testing.T) {
	m := openHunt(t)
	emit(t, m, "clue-1", guessed, guess{"otters", "1"})
	m.Settle(t)
	if got := meshtest.AwaitCount(t, m, "score-1", awarded, 1); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	var calls int
	var emitting sync.WaitGroup
	defer emitting.Wait()
	ctx := m.Context("clue-1")
	got := meshtest.Await(t, m, "score-1", awarded, func(got []meshtest.Received[points]) bool {
		if calls++; calls == 1 { // from now on events come while Await waits
			emitting.Go(func() {
				for _, text := range []string{"2", "3"} {
					if err := guessed.Emit(ctx, guess{"otters", text}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		return len(got) == 3
	})
	if len(got) != 3 || calls < 2 {
		t.Errorf("%d events after %d calls", len(got), calls)
	}
}

func TestAwaitSaysWhatItSaw(t *testing.T) {
	m := brief.Open(t, clueNode(), scoreNode("score-1", mesh.Shared))
	for i := range 25 {
		emit(t, m, "clue-1", guessed, guess{"otters", fmt.Sprint("text-", i)})
	}
	if err := solved.Emit(m.Context("clue-1"), solve{strings.Repeat("x", 2000), ""}); err == nil {
		t.Error("a key of 2000 bytes was admitted")
	}
	m.Settle(t)
	wantFailure(t, func(t testing.TB) { meshtest.AwaitCount(t, m, "clue-1", guessed, 26) },
		"await clue.answer.guessed on clue-1", "300ms", "25 recorded", "(5 more)", "Text:text-5}", "Text:text-24}", "otters", "from clue-1, depth 0",
		"other events on clue-1: 25 clue.clue.solved", "clue-1: 1 clue.clue.solved refused at emit by key")
}

func TestRecorderTakesConcurrentEvents(t *testing.T) {
	const emitters, each = 8, 100
	m := meshtest.Open(t, clueNode())
	ctx := m.Context("clue-1")
	var work sync.WaitGroup
	for i := range emitters {
		work.Go(func() {
			for j := range each {
				if err := guessed.Emit(ctx, guess{fmt.Sprint(i), fmt.Sprint(j)}); err != nil {
					t.Error(err)
				}
				m.Recorded("clue-1")
			}
		})
	}
	got := meshtest.AwaitCount(t, m, "clue-1", solved, emitters*each)
	work.Wait()
	next := map[string]int{}
	for _, e := range got {
		if e.Value.Clue != fmt.Sprint(next[e.Value.Team]) {
			t.Fatalf("%+v came in place of %d", e.Value, next[e.Value.Team])
		}
		next[e.Value.Team]++
	}
}
