package score

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"leafmesh/services/store"
)

// model is the leaderboard by dumb code: it keeps the facts and computes everything anew each time.
type model struct {
	solved   map[[2]string]award // by team and clue
	hinted   map[string]award    // by team, clue and hint
	finished map[string]bool
}

// row computes a team's line, without its rank.
func (m *model) row(team string) Standing {
	s := Standing{Team: team, Finished: m.finished[team]}
	for _, a := range m.solved {
		if a.Team == team {
			s.Points += a.Points
			s.Solves++
			if a.At > s.LastSolve {
				s.LastSolve = a.At
			}
		}
	}
	for _, a := range m.hinted {
		if a.Team == team {
			s.Points += a.Points
		}
	}
	return s
}

// places picks the best of the rest until nobody is left.
func (m *model) places() []place {
	rest := map[string]Standing{}
	for key := range m.solved {
		rest[key[0]] = m.row(key[0])
	}
	for _, a := range m.hinted {
		rest[a.Team] = m.row(a.Team)
	}
	for team := range m.finished {
		rest[team] = m.row(team)
	}
	var places []place
	for len(rest) > 0 {
		best := ""
		for team := range rest {
			if best == "" || better(rest[team], rest[best]) {
				best = team
			}
		}
		places = append(places, place{Rank: len(places) + 1, Standing: rest[best]})
		delete(rest, best)
	}
	return places
}

// better spells the rule out.
func better(a, b Standing) bool {
	if a.Points != b.Points {
		return a.Points > b.Points
	}
	if (a.LastSolve == 0) != (b.LastSolve == 0) {
		return a.LastSolve != 0
	}
	if a.LastSolve != b.LastSolve {
		return a.LastSolve < b.LastSolve
	}
	return a.Team < b.Team
}

// The ledger, given events in any order and any number of times, shows what the model shows.
func TestLedgerAgreesWithTheModel(t *testing.T) {
	ctx := context.Background()
	l := openTestLedger(t)
	rapid.Check(t, func(r *rapid.T) {
		empty(t, l)
		m := model{map[[2]string]award{}, map[string]award{}, map[string]bool{}}
		team := rapid.SampledFrom([]string{"Owls", "owls", "Bats, \"the\"", "🦉", "x.y z"})
		clue := rapid.SampledFrom([]string{"one", "two", "three"})
		at := rapid.Int64Range(1, 5)
		r.Repeat(map[string]func(*rapid.T){
			"solve": func(r *rapid.T) {
				a := award{Team: team.Draw(r, "team"), Clue: clue.Draw(r, "clue"), Points: rapid.IntRange(0, 3).Draw(r, "points"), At: at.Draw(r, "at")}
				_, known := m.solved[[2]string{a.Team, a.Clue}]
				if counted := mustAdd(r, l, a); counted == known {
					r.Fatalf("counted: %v, known before: %v", counted, known)
				}
				if !known {
					m.solved[[2]string{a.Team, a.Clue}] = a
				}
			},
			"hint": func(r *rapid.T) {
				a := award{Team: team.Draw(r, "team"), Clue: clue.Draw(r, "clue"), Hint: rapid.IntRange(1, 2).Draw(r, "hint"),
					Points: -rapid.IntRange(1, 3).Draw(r, "cost"), At: at.Draw(r, "at")}
				key := fmt.Sprint(a.Team, "|", a.Clue, "|", a.Hint)
				_, known := m.hinted[key]
				if counted := mustAdd(r, l, a); counted == known {
					r.Fatalf("counted: %v, known before: %v", counted, known)
				}
				if !known {
					m.hinted[key] = a
				}
			},
			"refused": func(r *rapid.T) { // the event of points was refused: nothing may have changed
				a := award{Team: team.Draw(r, "team"), Clue: "never", Points: 7, At: 1}
				refused := errors.New("refused")
				if err := l.db.Write(ctx, func(tx *store.Tx) error { return add(tx, a, func() error { return refused }) }); !errors.Is(err, refused) {
					r.Fatalf("add returned %v", err)
				}
			},
			"finish": func(r *rapid.T) {
				name := team.Draw(r, "team")
				if err := l.db.Write(ctx, func(tx *store.Tx) error { return finish(tx, name) }); err != nil {
					r.Fatal(err)
				}
				m.finished[name] = true
			},
			"look": func(r *rapid.T) { compareWithModel(r, l, &m) },
		})
		compareWithModel(r, l, &m)
	})
}

// empty empties the ledger: much faster than a new one for each run.
func empty(t *testing.T, l *ledger) {
	t.Helper()
	err := l.db.Write(context.Background(), func(tx *store.Tx) error {
		for _, table := range []string{"awards", "teams"} {
			if _, err := tx.Exec("DELETE FROM " + table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mustAdd(r *rapid.T, l *ledger, a award) (counted bool) {
	err := l.db.Write(context.Background(), func(tx *store.Tx) error { return add(tx, a, func() error { counted = true; return nil }) })
	if err != nil {
		r.Fatal(err)
	}
	return counted
}

func compareWithModel(r *rapid.T, l *ledger, m *model) {
	got, err := l.places(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	want := m.places()
	if len(got) != len(want) {
		r.Fatalf("%d places, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			r.Fatalf("place %d is %+v, want %+v", i+1, got[i], want[i])
		}
		s, err := l.standing(want[i].Team)
		if err != nil || s != want[i].Standing {
			r.Fatalf("standing of %q is %+v (%v), want %+v", want[i].Team, s, err, want[i].Standing)
		}
	}
}
