package replay

import (
	"context"
	"fmt"
	"time"

	"leafmesh/embedded/guesslog"
	"leafmesh/services/clue"
)

// Target is where a log is replayed. Its methods are called by one goroutine, one after the other.
type Target interface {
	// Join lets teams take part, and returns when clue lets all of them guess at so many clues.
	Join(ctx context.Context, teams []guesslog.Team, clues int) error
	// Submit brings in a guess. It may return before the verdict; it waits when too many guesses
	// wait. The guesses of a team are judged in the order of the calls. judged is called once for
	// each, by any goroutine.
	Submit(ctx context.Context, g guesslog.Guess, clue string, judged func(clue.Verdict)) error
	// AwaitSolves returns when so many solves are in the databases of hunt and score, or with an
	// error that says what is missing when nothing moves any more. All guesses have been judged.
	AwaitSolves(ctx context.Context, solves int) error
	// Settle returns when nothing is on its way any more.
	Settle(ctx context.Context) error
	// Leaderboard returns the final order.
	Leaderboard(ctx context.Context) ([]Standing, error)
	// Counters returns what the nodes counted; empty when nobody can say.
	Counters() map[string]Counters
	// Failure returns an error that makes waiting useless, nil while there is none; by any
	// goroutine.
	Failure() error
}

// Options of a replay.
type Options struct {
	Speed Speed
	// Progress is called up to ten times a second, and at the end, with how many guesses were
	// judged. Not at the same time, and not after Run has returned. Nil: never.
	Progress func(judged, of int)
}

// Run replays a log on a target. It returns early when ctx ends, with its error.
func Run(ctx context.Context, target Target, log *guesslog.Log, hunt guesslog.Derived, o Options) (Result, error) {
	teams := log.Teams()
	result := Result{Teams: len(teams), Skipped: log.Skipped}
	if err := target.Join(ctx, teams, len(hunt.Hunt.Clues)); err != nil {
		return result, fmt.Errorf("let the teams join: %w", err)
	}
	seen := newVerdicts(len(log.Guesses))
	stopShowing := show(seen, o.Progress)
	defer stopShowing()

	start := time.Now()
	if err := submit(ctx, target, log.Guesses, hunt.Clues, seen, pace{speed: o.Speed, start: start, first: log.Guesses[0].At}); err != nil {
		return result, err
	}
	if err := awaitVerdicts(ctx, target, seen); err != nil {
		return result, err
	}
	seen.into(&result)
	err := target.AwaitSolves(ctx, result.Correct)
	result.ElapsedSeconds = time.Since(start).Seconds()
	if err == nil {
		err = target.Settle(ctx)
	}
	if err != nil {
		return result, fmt.Errorf("not all of the %d solves arrived: %w", result.Correct, err)
	}
	if result.Leaderboard, err = target.Leaderboard(ctx); err != nil {
		return result, fmt.Errorf("read the leaderboard: %w", err)
	}
	result.Nodes = target.Counters()
	return result, nil
}

// submit brings in all rows.
func submit(ctx context.Context, target Target, guesses []guesslog.Guess, clues map[string]string, seen *verdicts, p pace) error {
	for _, g := range guesses {
		if err := p.wait(ctx, g.At); err != nil {
			return fmt.Errorf("stopped at line %d of the log: %w", g.Line, err)
		}
		judged := func(v clue.Verdict) { seen.add(g, v) }
		if err := target.Submit(ctx, g, clues[g.Puzzle], judged); err != nil {
			return fmt.Errorf("submit line %d of the log: %w", g.Line, err)
		}
	}
	return nil
}

// stallTimeout is how long a replay waits for the next verdict, or the next solve: a thousand times
// what it takes.
const stallTimeout = 20 * time.Second

// awaitVerdicts waits until each guess has its verdict.
func awaitVerdicts(ctx context.Context, target Target, seen *verdicts) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	before, since := -1, time.Now()
	for {
		select {
		case <-seen.all:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("wait for the last verdicts: %w", context.Cause(ctx))
		case <-ticker.C:
		}
		now := seen.count()
		if now != before {
			before, since = now, time.Now()
		}
		err := target.Failure()
		if err == nil && time.Since(since) > stallTimeout {
			err = fmt.Errorf("no further verdict in %v", stallTimeout)
		}
		if err != nil {
			return fmt.Errorf("%d of %d guesses have no verdict: %w", seen.want-now, seen.want, err)
		}
	}
}
