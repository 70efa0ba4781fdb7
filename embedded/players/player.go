package players

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"leafmesh/embedded/client"
)

// player is one team. Only its own goroutine, in play, touches it.
type player struct {
	crowd  *Crowd
	name   string
	random *rand.Rand
	skill  float64             // the chance of an idea, at each guess
	shut   map[string]struct{} // clues it is locked out of
}

func newPlayer(c *Crowd, name string, random *rand.Rand) *player {
	return &player{crowd: c, name: name, random: random, skill: 0.15 + 0.35*random.Float64(), shut: make(map[string]struct{})}
}

// play plays until all is solved, as far as it can be, or ctx ends.
func (p *player) play(ctx context.Context) {
	p.pause(ctx) // Teams do not all come in the same second.
	p.try(ctx, func() error { return p.crowd.client.Join(ctx, p.name) })
	for idle := 0; ctx.Err() == nil; {
		open, done := p.look(ctx)
		switch {
		case done:
			p.crowd.finished.Add(1)
			return
		case len(open) > 0:
			idle = 0
			p.work(ctx, open[p.random.IntN(len(open))])
		default:
			if idle++; idle%patience == 0 { // It was refused, perhaps, when it wanted to join.
				p.try(ctx, func() error { return p.crowd.client.Join(ctx, p.name) })
			}
			p.pause(ctx)
		}
	}
}

// patience is after how many looks that find nothing to do a team joins again.
const patience = 5

// look returns the clues that the team can work on, and whether it has solved all it ever will.
func (p *player) look(ctx context.Context) (open []client.Clue, done bool) {
	var clues []client.Clue
	p.try(ctx, func() (err error) {
		clues, err = p.crowd.client.Clues(ctx, p.name)
		return err
	})
	solved := 0
	for _, c := range clues {
		_, gaveUp := p.shut[c.ID]
		switch {
		case c.Solved:
			solved++
		case !gaveUp:
			open = append(open, c)
		}
	}
	return open, len(open) == 0 && solved+len(p.shut) >= len(p.crowd.hunt.Clues)
}

// work works on a clue: until it is solved, or the team turns to another.
func (p *player) work(ctx context.Context, c client.Clue) {
	chance, hints := p.skill, c.HintsLeft
	for wrong := 0; p.pause(ctx); wrong++ {
		if wrong >= 2 && hints > 0 && p.random.Float64() < 0.2 {
			hints--
			p.try(ctx, func() error { return p.crowd.client.Hint(ctx, p.name, c.ID) })
			chance += 0.3
		}
		text := p.wrongGuess(c)
		if p.random.Float64() < chance {
			text = p.rightGuess(c)
		}
		if p.guess(ctx, c, text) || p.random.Float64() < 0.1 {
			return
		}
	}
}

// guess makes a guess and reports whether there is nothing more to do here.
func (p *player) guess(ctx context.Context, c client.Clue, text string) (over bool) {
	verdict := ""
	p.try(ctx, func() (err error) {
		verdict, err = p.crowd.client.Answer(ctx, p.name, c.ID, text, time.Time{})
		if client.Is(err, http.StatusForbidden) { // locked out for good
			p.shut[c.ID] = struct{}{}
		}
		return err
	})
	return verdict != "wrong" // also when locked out for a while: another clue, then
}

// try makes a call, and again after a second if it failed for a reason outside the game, until ctx
// ends.
func (p *player) try(ctx context.Context, call func() error) {
	for {
		err := call()
		if err == nil || ctx.Err() != nil || partOfTheGame(err) {
			return
		}
		if p.crowd.failures.Add(1) == 1 { // The status line counts the rest.
			slog.Warn("a team's call failed; it tries again", "key", p.name, "error", err)
		}
		if !sleep(ctx, time.Second) {
			return
		}
	}
}

// partOfTheGame reports whether a real team would have to live with this answer: not open, solved
// already, no hint left, locked out.
func partOfTheGame(err error) bool {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests} {
		if client.Is(err, status) {
			return true
		}
	}
	return false
}

// pause thinks. It reports whether to go on.
func (p *player) pause(ctx context.Context) bool {
	// Exponential, as times between guesses are, but nobody types faster than a fifth of it or
	// thinks for ever.
	t := min(0.2+0.8*p.random.ExpFloat64(), 5)
	return sleep(ctx, time.Duration(t*float64(p.crowd.think)))
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
