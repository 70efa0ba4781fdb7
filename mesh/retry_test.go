package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

var errBroken = errors.New("it is broken")

// soon makes a handler try n times without losing time.
func soon(n int) mesh.HandlerOption { return mesh.Retry{Tries: n, LongestPause: time.Microsecond} }

// letterbox makes a handler that keeps the dead letters.
func letterbox() (mesh.Handler, <-chan mesh.DeadLetter) {
	letters := make(chan mesh.DeadLetter, 1000)
	return mesh.DeadLetters.Handle("letterbox", func(_ context.Context, d mesh.DeadLetter) error {
		letters <- d
		return nil
	}), letters
}

func TestAHandlerIsTriedAFiniteNumberOfTimes(t *testing.T) {
	for _, c := range []struct{ tries, failures, calls int }{
		{1, 0, 1}, {1, 1, 1}, {3, 2, 3}, {3, 3, 3}, {5, 9, 5},
	} {
		t.Run(fmt.Sprintf("%d failures, %d tries", c.failures, c.tries), func(t *testing.T) {
			calls := 0
			n := openHandlers(t, stepTaken.Handle("fragile", func(context.Context, step) error {
				if calls++; calls <= c.failures {
					return errBroken
				}
				return nil
			}, soon(c.tries)))
			emitStep(t, n, stepTaken, step{Key: "a"})
			finish(t, n)
			if calls != c.calls {
				t.Errorf("%d calls, want %d", calls, c.calls)
			}
			wantCount(t, n, stepTaken.Subject(), stats.Retried, "handler fragile", "", uint64(c.calls-1))
			handled, failed := uint64(1), uint64(0)
			if c.failures >= c.tries {
				handled, failed = 0, 1
			}
			wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler fragile", "", handled)
			wantCount(t, n, stepTaken.Subject(), stats.Failed, "handler fragile", "", failed)
			wantCount(t, n, mesh.DeadLetters.Subject(), stats.Admitted, "", "", failed)
		})
	}
}

func TestWhatRetryLeavesOut(t *testing.T) {
	const ms = time.Millisecond
	for given, want := range map[mesh.Retry]mesh.Retry{
		{}:                      {Tries: 3, FirstPause: 10 * ms, LongestPause: 1000 * ms},
		{Tries: 7}:              {Tries: 7, FirstPause: 10 * ms, LongestPause: 1000 * ms},
		{FirstPause: 2000 * ms}: {Tries: 3, FirstPause: 2000 * ms, LongestPause: 2000 * ms},
		{LongestPause: ms}:      {Tries: 3, FirstPause: ms, LongestPause: ms},
		{1, 20 * ms, 30 * ms}:   {1, 20 * ms, 30 * ms},
	} {
		got := stepTaken.Handle("fragile", ignore, given).Settings()
		if (mesh.Retry{Tries: got.Tries, FirstPause: got.FirstPause, LongestPause: got.LongestPause}) != want {
			t.Errorf("%+v makes %+v, want %+v", given, got, want)
		}
	}
}

func TestARetryThatCanNotBeFailsAtOpen(t *testing.T) {
	for _, test := range []struct {
		retry mesh.Retry
		want  string
	}{
		{mesh.Retry{Tries: -1}, "handler fragile has -1 tries; 1 to 10000 are possible"},
		{mesh.Retry{Tries: 10_001}, "handler fragile has 10001 tries; 1 to 10000 are possible"},
		{mesh.Retry{FirstPause: -time.Second}, "handler fragile has a first pause of -1s"},
		{mesh.Retry{LongestPause: -time.Second}, "and a longest of -1s"},
		{mesh.Retry{FirstPause: time.Minute, LongestPause: time.Second}, "nor the first longer than the longest"},
	} {
		_, err := mesh.Open(t.Context(), mesh.Config{Name: "core-1", Handlers: []mesh.Handler{stepTaken.Handle("fragile", ignore, test.retry)}})
		if len(config.FieldErrors(err)) != 1 || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.retry, err, test.want)
		}
	}
}

func TestADeadLetterTellsOfTheEventAndTheLastError(t *testing.T) {
	var failed mesh.Header
	tries := 0
	box, letters := letterbox()
	n := openHandlers(t, box, stepTaken.Handle("fragile", func(ctx context.Context, _ step) error {
		failed, _ = mesh.HeaderOf(ctx)
		tries++
		return fmt.Errorf("try %d: %w", tries, errBroken)
	}, soon(3)))
	value := step{"otters", 7}
	emitStep(t, n, stepTaken, value)
	letter := receive(t, letters)
	payload := letter.Payload
	letter.Payload = nil
	want := mesh.DeadLetter{Event: failed.ID, Subject: stepTaken.Subject(), Key: "otters",
		Handler: "fragile", Tries: 3, Error: "try 3: it is broken"}
	if fmt.Sprintf("%+v", letter) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v, want %+v", letter, want)
	}
	var kept mesh.Any
	if err := kept.UnmarshalCBOR(payload); err != nil {
		t.Fatal(err)
	}
	var got step
	if err := kept.Decode(&got); err != nil || got != value {
		t.Errorf("the payload holds %+v (%v), want %+v", got, err, value)
	}
}

// A letter belongs to the cascade of its event.
func TestADeadLetterIsCausedByItsEvent(t *testing.T) {
	var event, letter mesh.Header
	n := openHandlers(t,
		stepTaken.Handle("fragile", func(ctx context.Context, _ step) error {
			event, _ = mesh.HeaderOf(ctx)
			return errBroken
		}, soon(1)),
		mesh.DeadLetters.Handle("read", func(ctx context.Context, _ mesh.DeadLetter) error {
			letter, _ = mesh.HeaderOf(ctx)
			return nil
		}))
	emitStep(t, n, stepTaken, step{Key: "a"})
	finish(t, n)
	if letter.Root != event.Root || letter.Parent != event.ID || letter.Depth() != 1 {
		t.Errorf("letter %+v of event %+v", letter, event)
	}
}

func TestAPanicIsAFailureAndTheWorkerGoesOn(t *testing.T) {
	box, letters := letterbox()
	n := openHandlers(t, box, stepTaken.Handle("fragile", func(_ context.Context, s step) error {
		if s.N == 1 {
			panic("it fell over")
		}
		return nil
	}, soon(2)))
	emitStep(t, n, stepTaken, step{"a", 1})
	emitStep(t, n, stepTaken, step{"a", 2})
	if letter := receive(t, letters); letter.Tries != 2 || !regexp.MustCompile(`panicked at retry_test\.go:\d+: it fell over`).MatchString(letter.Error) {
		t.Errorf("%+v", letter)
	}
	finish(t, n)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler fragile", "", 1)
}

// The first line of the log says where a handler panicked, with the stack: its dead letter may come
// minutes later.
func TestAPanicHasItsPlaceAtOnce(t *testing.T) {
	box, letters := letterbox()
	log := &strings.Builder{}
	n := openCore(t, mesh.Config{Logger: slog.New(slog.NewTextHandler(log, nil)), Handlers: []mesh.Handler{box, stepTaken.Handle("fragile", func(_ context.Context, s step) error {
		var seen map[string]int
		defer func() { seen = nil }()
		countStep(seen, s)
		return nil
	}, soon(2))}})
	emitStep(t, n, stepTaken, step{"a", 1})
	letter := receive(t, letters)
	finish(t, n)
	place := regexp.MustCompile(`panicked at retry_test\.go:\d+: assignment to entry in nil map`)
	if !place.MatchString(letter.Error) {
		t.Error(letter.Error)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `msg="handler failed"`) {
			if !place.MatchString(line) || !strings.Contains(line, "mesh_test.countStep") {
				t.Error(line)
			}
			return
		}
	}
	t.Errorf("no line tells of the first failure:\n%s", log)
}

//go:noinline
func countStep(seen map[string]int, s step) { seen[s.Key]++ }

func TestOnlyTheTryThatSucceedsEmits(t *testing.T) {
	const events = 20
	tries := map[int]int{}
	var got []int
	n := openHandlers(t,
		stepTaken.Handle("fragile", func(ctx context.Context, s step) error {
			tries[s.N]++
			try := tries[s.N]
			for i := range 3 {
				if err := stepRepeated.Emit(ctx, step{s.Key, s.N*1000 + i*10 + try}); err != nil {
					return err
				}
			}
			switch {
			case s.N%4 == 3:
				return errBroken // always: none of its emits may be seen
			case try == 1:
				return errBroken
			case try == 2:
				panic("it fell over")
			}
			return nil
		}, soon(3)),
		stepRepeated.Handle("log", func(_ context.Context, s step) error {
			got = append(got, s.N)
			return nil
		}))
	var want []int
	for i := range events {
		emitStep(t, n, stepTaken, step{"a", i})
		if i%4 != 3 {
			want = append(want, i*1000+3, i*1000+13, i*1000+23)
		}
	}
	finish(t, n)
	if !slices.Equal(got, want) {
		t.Errorf("emitted %v, want %v", got, want)
	}
	if waiting := n.Stats().Waiting; waiting != 0 {
		t.Errorf("%d places of dropped events are still taken", waiting)
	}
	wantCount(t, n, stepRepeated.Subject(), stats.Admitted, "", "", uint64(len(want)))
}

func TestAHandlerOfDeadLettersThatFailsMakesNoOther(t *testing.T) {
	n := openHandlers(t,
		stepTaken.Handle("fragile", func(context.Context, step) error { return errBroken }, soon(1)),
		mesh.DeadLetters.Handle("fragile too", func(context.Context, mesh.DeadLetter) error { return errBroken }, soon(2)))
	for i := range 10 {
		emitStep(t, n, stepTaken, step{"a", i})
	}
	finish(t, n)
	letters := mesh.DeadLetters.Subject()
	wantCount(t, n, letters, stats.Admitted, "", "", 10)
	wantCount(t, n, letters, stats.Failed, "handler fragile too", "", 10)
}

// An error's text is the handler's own business: it must not cost the letter.
func TestAnyErrorTextFitsADeadLetter(t *testing.T) {
	for name, text := range map[string]string{
		"long":                      strings.Repeat("x", 5000),
		"long, cut inside a letter": strings.Repeat("x", 1023) + strings.Repeat("é", 100),
		"not UTF-8":                 "read \xff\xfe",
		"empty":                     "",
	} {
		for _, codec := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, codec check %v", name, codec), func(t *testing.T) {
				box, letters := letterbox()
				n := openCore(t, mesh.Config{CodecCheck: codec, Handlers: []mesh.Handler{box,
					stepTaken.Handle("fragile", func(context.Context, step) error { return errors.New(text) }, soon(1)),
				}})
				emitStep(t, n, stepTaken, step{Key: "a"})
				finish(t, n)
				if len(letters) != 1 {
					t.Fatalf("%d letters, want 1; counts %+v", len(letters), n.Stats().Counts)
				}
				letter := <-letters
				if len(letter.Error) > 1024 || !utf8.ValidString(letter.Error) || !strings.HasPrefix(letter.Error, text[:min(len(text), 5)]) {
					t.Errorf("%q of %d bytes", letter.Error, len(letter.Error))
				}
			})
		}
	}
}

// brokenError is a type whose nil pointer makes an error that is not nil and
// has no text.
type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

func TestAnErrorThatPanicsIsAFailureLikeAnother(t *testing.T) {
	box, letters := letterbox()
	n := openHandlers(t, box, stepTaken.Handle("fragile", func(context.Context, step) error {
		var err *brokenError
		return err
	}, soon(2)))
	emitStep(t, n, stepTaken, step{Key: "a"})
	if letter := receive(t, letters); letter.Tries != 2 {
		t.Errorf("%+v", letter)
	}
}

// A dead letter is wanted most where a cascade ran as deep as it can.
func TestADeadLetterAtTheDeepestStep(t *testing.T) {
	box, letters := letterbox()
	n := openCore(t, mesh.Config{Cascades: unbounded, Handlers: []mesh.Handler{box, stepTaken.Handle("dive", func(ctx context.Context, s step) error {
		return stepTaken.Emit(ctx, step{s.Key, s.N + 1}) // in the end refused
	}, soon(1))}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	finish(t, n)
	if len(letters) != 1 {
		t.Fatalf("%d letters, want 1; counts %+v", len(letters), n.Stats().Counts)
	}
	if letter := <-letters; !strings.Contains(letter.Error, "depth") {
		t.Errorf("%+v", letter)
	}
}
