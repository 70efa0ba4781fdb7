package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"leafmesh/embedded/client"
	"leafmesh/embedded/guesslog"
	"leafmesh/services/clue"
)

// Remote replays against three daemons, over their HTTP APIs. They need the derived hunt, empty
// databases, and trust_time in clue's configuration.
type Remote struct {
	client *client.Client
	// Patience is how long a daemon may be away, because it is killed and started again for
	// example, before the replay fails. Set it before the first call. 0: not at all.
	Patience time.Duration

	lines []chan submission
	end   context.CancelCauseFunc // ends all work, with the first error
	ctx   context.Context         // ends then
	work  sync.WaitGroup
}

// submission is a guess on its way.
type submission struct {
	guess  guesslog.Guess
	clue   string
	judged func(clue.Verdict)
}

const (
	// lines is how many guesses are under way at a time. A guess waits for its verdict; a team has
	// one line, so that its guesses stay in order.
	lines = 64
	// lineLength is how many guesses may wait in a line before Submit does.
	lineLength = 64
)

// NewRemote makes a target of three base URLs. The caller closes it.
func NewRemote(clueURL, huntURL, scoreURL string) (*Remote, error) {
	c, err := client.New(clueURL, huntURL, scoreURL, lines)
	if err != nil {
		return nil, err
	}
	r := &Remote{client: c}
	r.ctx, r.end = context.WithCancelCause(context.Background())
	for range lines {
		line := make(chan submission, lineLength)
		r.lines = append(r.lines, line)
		r.work.Go(func() { r.run(line) })
	}
	return r, nil
}

var errClosed = errors.New("the replay is closed")

// Close ends all work and waits for it. Guesses without a verdict are given up.
func (r *Remote) Close() {
	r.end(errClosed)
	r.work.Wait()
	r.client.Close()
}

// run submits the guesses of a line, one after the other, until an error or the end.
func (r *Remote) run(line chan submission) {
	for {
		select {
		case s := <-line:
			if err := r.submit(s); err != nil {
				r.end(fmt.Errorf("line %d of the log: %w", s.guess.Line, err))
				return
			}
		case <-r.ctx.Done():
			return
		}
	}
}

// submit submits a guess until it is answered. What became of one without an answer is unknown: if
// clue then says that the clue is solved already, the guess was judged before and was the right
// one. A wrong one is judged twice, which costs nothing on a derived hunt.
func (r *Remote) submit(s submission) error {
	var text string
	again, err := r.persist(r.ctx, func() (err error) {
		text, err = r.client.Answer(r.ctx, s.guess.Team, s.clue, s.guess.Text, s.guess.At)
		return err
	})
	verdict, err := verdictOf(text, err)
	if err != nil {
		return err
	}
	if again && verdict == clue.AlreadySolved {
		verdict = clue.Correct
	}
	s.judged(verdict)
	return nil
}

// persist calls until there is an answer, as long as Patience allows; again reports whether it took
// more than one call.
func (r *Remote) persist(ctx context.Context, call func() error) (again bool, err error) {
	start, calls := time.Now(), 0
	ended := poll(ctx, func() (bool, error) {
		calls++
		err = call()
		return answered(err) || time.Since(start) >= r.Patience, nil
	})
	return calls > 1, cmp.Or(err, ended)
}

// answered reports whether a call was answered, with what was asked for or with a problem that a
// further call would not mend.
func answered(err error) bool {
	p, ok := errors.AsType[*client.Problem](err)
	return err == nil || ok && p.Status < 500
}

// verdictOf reads clue's answer: a guess that it did not look at comes back as a problem.
func verdictOf(text string, err error) (clue.Verdict, error) {
	statuses := map[int]clue.Verdict{403: clue.LockedOut, 429: clue.LockedOut, 409: clue.AlreadySolved, 404: clue.NotOpen}
	if p, ok := errors.AsType[*client.Problem](err); ok {
		if v, known := statuses[p.Status]; known {
			return v, nil
		}
	}
	if err != nil {
		return 0, err
	}
	for _, v := range []clue.Verdict{clue.Correct, clue.Wrong} {
		if text == v.String() {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%.40q is no verdict", text)
}

// Submit implements Target.
func (r *Remote) Submit(ctx context.Context, g guesslog.Guess, clueID string, judged func(clue.Verdict)) error {
	line := r.lines[maphash.String(seed, g.Team)%uint64(len(r.lines))]
	select {
	case line <- submission{guess: g, clue: clueID, judged: judged}:
		return nil
	case <-r.ctx.Done():
		return r.Failure()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var seed = maphash.MakeSeed()

// Failure implements Target.
func (r *Remote) Failure() error { return context.Cause(r.ctx) }

// pollEvery is how often the daemons are asked for what takes a moment.
const pollEvery = 20 * time.Millisecond

// poll asks until done says so.
func poll(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Join implements Target.
func (r *Remote) Join(ctx context.Context, teams []guesslog.Team, clues int) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	for _, team := range teams {
		_, err := r.persist(ctx, func() error { return r.client.Join(ctx, team.Name) })
		if err != nil {
			return fmt.Errorf("team %q: %w", team.Name, err)
		}
	}
	for _, team := range teams {
		open := 0
		err := poll(ctx, func() (bool, error) {
			_, err := r.persist(ctx, func() error {
				views, err := r.client.Clues(ctx, team.Name)
				open = len(views)
				return err
			})
			return open == clues, err
		})
		if err != nil {
			return fmt.Errorf("team %q has %d of %d clues open (do the daemons run with the derived hunt?): %w", team.Name, open, clues, err)
		}
	}
	return nil
}

// AwaitSolves implements Target. Other processes' counters cannot be seen from here: it waits until
// score has all solves.
func (r *Remote) AwaitSolves(ctx context.Context, solves int) error {
	arrived, since := -1, time.Now()
	return poll(ctx, func() (bool, error) {
		standings, err := r.Leaderboard(ctx)
		now := sum(standings)
		if now != arrived {
			arrived, since = now, time.Now()
		}
		switch {
		case err != nil:
			return false, err
		case arrived > solves:
			return false, fmt.Errorf("score has %d: the daemons have played before; give them empty databases", arrived)
		case arrived < solves && time.Since(since) > stallTimeout:
			return false, fmt.Errorf("score has had %d for %v", arrived, stallTimeout)
		}
		return arrived == solves, nil
	})
}

// Settle implements Target. Nobody can say what is on its way between other processes.
func (r *Remote) Settle(context.Context) error { return nil }

// Leaderboard implements Target.
func (r *Remote) Leaderboard(ctx context.Context) ([]Standing, error) {
	var rows []client.Row
	_, err := r.persist(ctx, func() (err error) {
		rows, err = r.client.Leaderboard(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(rows) == client.MaxRows {
		return nil, fmt.Errorf("score tells no more than %d teams over HTTP", client.MaxRows)
	}
	standings := make([]Standing, len(rows))
	for i, row := range rows {
		standings[i] = Standing(row)
	}
	return standings, nil
}

// Counters implements Target: the daemons do not tell theirs.
func (r *Remote) Counters() map[string]Counters { return map[string]Counters{} }
