package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"leafmesh/embedded/cluster"
	"leafmesh/embedded/guesslog"
	"leafmesh/mesh"
	"leafmesh/mesh/stats"
	"leafmesh/services/clue"
	"leafmesh/services/huntfile"
)

// Local replays on three nodes in this process.
type Local struct {
	*cluster.Cluster
	attempts *attempts
	teams    []guesslog.Team
}

// OpenLocal starts the nodes with their databases in a folder. The caller closes it. ctx bounds the
// start. There is no HTTP API.
func OpenLocal(ctx context.Context, hunt *huntfile.Hunt, data string, logger *slog.Logger) (*Local, error) {
	l := &Local{attempts: newAttempts()}
	handler := clue.Judged.Handle("replay", func(_ context.Context, e clue.AnswerJudged) error {
		l.attempts.judged(e.Attempt, e.Verdict)
		return nil
	})
	var err error
	l.Cluster, err = cluster.Open(ctx, cluster.Options{Hunt: hunt, Data: data, NoHTTP: true,
		ClueHandlers: []mesh.Handler{handler}, Logger: logger})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// joinTimeout is how long it may take until the last team's clues are open. 458 teams take a fifth
// of a second.
const joinTimeout = time.Minute

// Join implements Target, through hunt's own entrance.
func (l *Local) Join(ctx context.Context, teams []guesslog.Team, clues int) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	l.teams = teams
	inHunt := l.Nodes[1].Context(ctx)
	for _, team := range teams {
		if _, err := l.Hunt.Join(inHunt, team.Name, team.Since); err != nil {
			return fmt.Errorf("team %q: %w", team.Name, err)
		}
	}
	if err := l.Cluster.Settle(ctx); err != nil {
		return err
	}
	for _, team := range teams {
		if open := len(l.Clue.Clues(team.Name, team.Since)); open != clues {
			return fmt.Errorf("team %q has %d of %d clues open: %s", team.Name, open, clues, strings.Join(l.Nodes.Losses(), "; "))
		}
	}
	return nil
}

// Submit implements Target, through clue's own entrance.
func (l *Local) Submit(ctx context.Context, g guesslog.Guess, clueID string, judged func(clue.Verdict)) error {
	id, err := l.Clue.Submit(l.Nodes[0].Context(ctx), clue.Submission{Team: g.Team, Clue: clueID, Guess: g.Text, At: g.At})
	if err != nil {
		return err
	}
	l.attempts.submitted(id, judged)
	return nil
}

const (
	// lookAgain is the time between two looks at what was handled; one costs some 40 µs.
	lookAgain = time.Millisecond
	// quiet is how long no solve may arrive before AwaitSolves asks whether one still can.
	quiet = time.Second
)

// AwaitSolves implements Target. It looks at what hunt and score have handled, and at what they
// have stored only once that is enough: events that come again are handled too. To wait until all
// is at rest would take 200 ms more: so long score's rule may hold a team's last standing back.
func (l *Local) AwaitSolves(ctx context.Context, solves int) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	before, since := -1, time.Now()
	for time.Since(since) < quiet {
		if now := l.handled(); now != before {
			before, since = now, time.Now()
			if now >= solves {
				if hunt, score, err := l.arrived(ctx); err != nil || hunt == solves && score == solves {
					return err
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := l.Settle(ctx); err != nil {
		return err
	}
	hunt, score, err := l.arrived(ctx)
	if err == nil && (hunt != solves || score != solves) {
		err = fmt.Errorf("hunt has %d and score has %d of them\n  %s", hunt, score, strings.Join(l.Nodes.Losses(), "\n  "))
	}
	return err
}

// handled is how many solves hunt and score both have handled.
func (l *Local) handled() int {
	subject := clue.Solved.Subject()
	return int(min(l.Nodes[1].Stats().Of(subject, stats.Handled), l.Nodes[2].Stats().Of(subject, stats.Handled)))
}

// Leaderboard implements Target: what score's database holds.
func (l *Local) Leaderboard(ctx context.Context) ([]Standing, error) {
	rows, err := l.Score.Leaderboard(ctx, 0)
	if err != nil {
		return nil, err
	}
	return Standings(rows), nil
}

// arrived is how many solves hunt has on its board, which knows one once it is stored, and how many
// score's database holds.
func (l *Local) arrived(ctx context.Context) (hunt, score int, err error) {
	for _, team := range l.teams {
		p, err := l.Hunt.Progress(ctx, team.Name)
		if err != nil {
			return 0, 0, fmt.Errorf("ask hunt for the progress of team %q: %w", team.Name, err)
		}
		hunt += len(p.Solved)
	}
	standings, err := l.Leaderboard(ctx)
	return hunt, sum(standings), err
}

func sum(standings []Standing) (solves int) {
	for _, s := range standings {
		solves += s.Solves
	}
	return solves
}

// Failure implements Target: a guess whose judging failed at last has no verdict.
func (l *Local) Failure() error {
	if l.Nodes[0].Stats().Of(clue.Submitted.Subject(), stats.Failed) > 0 {
		return errors.New("some could not be judged\n  " + strings.Join(l.Nodes.Losses(), "\n  "))
	}
	return nil
}

// Counters implements Target.
func (l *Local) Counters() map[string]Counters {
	nodes := make(map[string]Counters)
	for _, n := range l.Nodes {
		counters := make(Counters)
		for _, c := range n.Stats().Counts {
			if counters[c.Type] == nil {
				counters[c.Type] = make(map[string]uint64)
			}
			counters[c.Type][string(c.Outcome)] += c.Count
		}
		nodes[n.Name()] = counters
	}
	return nodes
}
