package replay

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/embedded/guesslog"
	"leafmesh/services/clue"
)

// fake is a target whose judge takes "right" for right. What it is told in its fields goes wrong.
type fake struct {
	mu      sync.Mutex
	joined  []guesslog.Team
	times   []time.Time // of submissions
	silent  string      // this guess gets no verdict
	verdict clue.Verdict
	failure error
	settle  error
}

func (f *fake) Join(_ context.Context, teams []guesslog.Team, _ int) error {
	f.joined = teams
	return nil
}

func (f *fake) Submit(_ context.Context, g guesslog.Guess, _ string, judged func(clue.Verdict)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.times = append(f.times, time.Now())
	switch {
	case g.Text == f.silent:
	case f.verdict != 0:
		judged(f.verdict)
	case g.Text == "right":
		judged(clue.Correct)
	default:
		judged(clue.Wrong)
	}
	return nil
}

func (f *fake) AwaitSolves(context.Context, int) error          { return f.settle }
func (f *fake) Settle(context.Context) error                    { return nil }
func (f *fake) Leaderboard(context.Context) ([]Standing, error) { return []Standing{}, nil }
func (f *fake) Counters() map[string]Counters                   { return nil }
func (f *fake) Failure() error                                  { return f.failure }
func (f *fake) run(ctx context.Context, o Options) (Result, error) {
	return f.runLog(ctx, o, threeRows)
}
func (f *fake) runLog(ctx context.Context, o Options, text string) (Result, error) {
	log, err := guesslog.Parse(text)
	if err != nil {
		return Result{}, err
	}
	hunt, err := guesslog.Derive(log)
	if err != nil {
		return Result{}, err
	}
	return Run(ctx, f, log, hunt, o)
}

// The letters of the last two rows are not what the fake's judge says.
const threeRows = `2020-01-01 00:00:00,Owls,P,right,Y
2020-01-01 00:00:10,Owls,P,wrong,Y
2020-01-01 00:00:05,Hares,P,right,N
broken
`

func TestRunCounts(t *testing.T) {
	f := &fake{}
	var judged, of int
	result, err := f.run(t.Context(), Options{Progress: func(j, n int) { judged, of = j, n }})
	if err != nil {
		t.Fatal(err)
	}
	got := [...]int{result.Guesses, result.Correct, result.Wrong, result.Mismatches, result.Skipped, result.Teams, judged, of}
	if want := [...]int{3, 2, 1, 2, 1, 2, 3, 3}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if f.joined[1] != (guesslog.Team{Name: "Hares", Since: time.Date(2020, 1, 1, 0, 0, 5, 0, time.UTC)}) {
		t.Errorf("joined: %v", f.joined)
	}
}

// A guess that was not looked at agrees with no letter.
func TestRunCountsOtherVerdictsAsMismatches(t *testing.T) {
	for _, v := range []clue.Verdict{clue.LockedOut, clue.AlreadySolved, clue.NotOpen} {
		result, err := (&fake{verdict: v}).run(t.Context(), Options{})
		if err != nil || result.Guesses != 3 || result.Correct != 0 || result.Wrong != 0 || result.Mismatches != 3 {
			t.Errorf("%v: %+v, %v", v, result, err)
		}
	}
}

func TestRunKeepsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		start := time.Now()
		if _, err := f.run(t.Context(), Options{Speed: 10}); err != nil {
			t.Fatal(err)
		}
		for i, want := range []time.Duration{0, time.Second, time.Second} { // the third row is older than the second
			if got := f.times[i].Sub(start); got != want {
				t.Errorf("row %d was submitted after %v, want %v", i+1, got, want)
			}
		}
	})
}

func TestRunNoticesWhatNeverComes(t *testing.T) {
	failed := errors.New("could not be judged")
	for name, test := range map[string]struct {
		target *fake
		after  time.Duration
		want   string
	}{
		"no verdict":     {&fake{silent: "wrong"}, stallTimeout, "1 of 3 guesses have no verdict: no further verdict in 20s"},
		"failed verdict": {&fake{silent: "wrong", failure: failed}, 0, "1 of 3 guesses have no verdict: could not be judged"},
		"lost solve":     {&fake{settle: failed}, 0, "not all of the 2 solves arrived"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := test.target.run(t.Context(), Options{})
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				if took := time.Since(start); took < test.after || took > test.after+time.Second {
					t.Errorf("noticed after %v, want %v", took, test.after)
				}
			})
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	for name, test := range map[string]struct {
		target *fake
		speed  Speed
		want   string
	}{
		"before a row is due": {&fake{}, 1, "stopped at line 2"},
		"before a verdict":    {&fake{silent: "wrong"}, Max, "wait for the last verdicts"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				_, err := test.target.run(ctx, Options{Speed: test.speed})
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
			})
		})
	}
}

func TestAttemptsMeetInAnyOrder(t *testing.T) {
	a := newAttempts()
	var got []clue.Verdict
	take := func(v clue.Verdict) { got = append(got, v) }
	a.submitted("1", take)
	a.judged("2", clue.Wrong)
	a.judged("1", clue.Correct)
	a.submitted("2", take)
	if len(got) != 2 || got[0] != clue.Correct || got[1] != clue.Wrong || len(a.halfs) != 0 {
		t.Errorf("got %v, %d left", got, len(a.halfs))
	}
}

func TestSpeed(t *testing.T) {
	for text, want := range map[string]Speed{"max": Max, "100": 100, "100x": 100, "0.5": 0.5} {
		var s Speed
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "fast", "x", "NaN", "Inf", "1e400", "100 x", "xx"} {
		var s Speed
		if err := s.Set(text); err == nil {
			t.Errorf("%q was taken for %v", text, s)
		}
	}
	if Max.String() != "max" || Speed(0.5).String() != "0.5" {
		t.Errorf("got %s and %s", Max, Speed(0.5))
	}
}
