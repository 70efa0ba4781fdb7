package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/embedded/guesslog"
	"leafmesh/embedded/replay"
)

// solve is a clue that a team has solved; with the clue help, the hint that it took of it.
type solve struct{ team, clue string }

// rightGuess is the guess by which a team solved a clue, according to the log.
type rightGuess struct {
	solve
	line int
}

// holdings is what the three services hold of a hunt's teams, or should.
type holdings struct {
	board  []replay.Standing
	awards map[solve][]award // what score counted: one for each, if all is well
	teams  map[string]progress
}

// award is what score counted.
type award struct {
	points int
	at     time.Time // zero for a hint: clue takes its own time
}

// progress is what a team has done according to each service.
type progress struct {
	solvesInHunt    int  // hunt's: by clue.clue.solved
	finishedInScore bool // by hunt.team.finished
	bonusInClue     bool // open: by hunt.clue.unlocked
}

// expected is the oracle: what the log says, computed without any of the services. The first right
// guess of a team at a clue counts a point; the log's own letters say which are right. These
// guesses are returned too, in their order.
func expected(log *guesslog.Log, hunt guesslog.Derived) (h holdings, right []rightGuess) {
	h = holdings{awards: make(map[solve][]award), teams: make(map[string]progress)}
	for _, t := range log.Teams() { // those without a solve, too
		h.teams[t.Name] = progress{}
	}
	standings := make(map[string]replay.Standing)
	for _, g := range log.Guesses {
		s := solve{g.Team, hunt.Clues[g.Puzzle]}
		if !g.Correct || h.awards[s] != nil {
			continue
		}
		h.awards[s] = []award{{1, g.At}}
		right = append(right, rightGuess{s, g.Line})
		one := standings[g.Team]
		one.Team, one.Points, one.Solves = g.Team, one.Points+1, one.Solves+1
		if one.LastSolve == nil || one.LastSolve.Before(g.At) {
			one.LastSolve = &g.At
		}
		standings[g.Team] = one
		h.teams[g.Team] = progress{one.Solves, true, true}
	}
	h.board = slices.SortedFunc(maps.Values(standings), func(a, b replay.Standing) int {
		return cmp.Or(b.Points-a.Points, a.LastSolve.Compare(*b.LastSolve), strings.Compare(a.Team, b.Team))
	})
	for i := range h.board {
		h.board[i].Rank = i + 1
	}
	return h, right
}

// takeHelp adds what each team with a solve pays for its hint. As all pay the same, their order
// stays.
func (h *holdings) takeHelp() {
	for i := range h.board {
		h.board[i].Points--
		h.awards[solve{h.board[i].Team, help}] = []award{{points: -1}}
	}
}

// found asks the services what they hold.
func (tr *trial) found() (holdings, error) {
	h := holdings{awards: make(map[solve][]award), teams: make(map[string]progress)}
	var board struct{ Leaderboard []replay.Standing }
	if err := tr.get(&board, "score", "leaderboard?limit=1000"); err != nil {
		return h, err
	}
	h.board = board.Leaderboard
	for team := range tr.want.teams {
		var p progress
		if err := errors.Join(tr.fromScore(team, &p, h.awards), tr.fromOthers(team, &p)); err != nil {
			return h, err
		}
		h.teams[team] = p
	}
	return h, nil
}

func (tr *trial) fromScore(team string, p *progress, awards map[solve][]award) error {
	var row struct {
		Finished bool
		Awards   []struct {
			Clue         string
			Hint, Points int
			At           time.Time
		}
	}
	err := tr.get(&row, "score", "teams/"+url.PathEscape(team))
	for _, a := range row.Awards {
		s := solve{team, a.Clue}
		if a.Hint > 0 {
			a.At = time.Time{}
		}
		awards[s] = append(awards[s], award{a.Points, a.At})
	}
	p.finishedInScore = row.Finished
	return err
}

func (tr *trial) fromOthers(team string, p *progress) error {
	var inHunt struct{ Solved []json.RawMessage }
	var inClue struct{ Clues []struct{ ID string } }
	err := errors.Join(tr.get(&inHunt, "hunt", "teams/"+url.PathEscape(team)),
		tr.get(&inClue, "clue", "teams/"+url.PathEscape(team)+"/clues"))
	p.solvesInHunt = len(inHunt.Solved)
	for _, c := range inClue.Clues {
		p.bonusInClue = p.bonusInClue || c.ID == bonus
	}
	return err
}

// get reads from a service's API. What does not exist is left empty.
func (tr *trial) get(out any, service, path string) error {
	response, err := tr.client.Get(tr.fleet.urls[service] + "/v1/" + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return json.NewDecoder(response.Body).Decode(out)
	case http.StatusNotFound:
		return nil
	}
	return fmt.Errorf("%s: %s answers %s", service, path, response.Status)
}

const (
	// quiet is how long nothing may change before a trial gives up: longer than a durable event
	// waits that was handed to a process that died (nats-server's AckWait is 30 s by default).
	quiet = 45 * time.Second
	// settled is how long all must be right: what is counted twice may come late.
	settled = 2 * time.Second
	// settleLimit bounds the wait as a whole.
	settleLimit = 5 * time.Minute
)

// settle waits until the services hold what they should, and still do so after a while, or nothing
// changes any more. It returns what is different then.
func (tr *trial) settle(t *testing.T) []string {
	t.Helper()
	var before holdings
	start, since, heard := time.Now(), time.Now(), time.Now()
	for {
		asked := time.Now()
		now, err := tr.found()
		switch {
		case err != nil && time.Since(heard) > patience:
			t.Fatalf("ask the services what they hold: %v", err)
		case err != nil: // the last one to be killed may not serve yet
			pause(t.Context(), time.Second)
			continue
		case !reflect.DeepEqual(now, before):
			before, since = now, time.Now()
		}
		heard = time.Now()
		differences := tr.differences(now)
		switch still := time.Since(since); {
		case len(differences) == 0 && still > settled:
			t.Logf("all was right %.1f s after the last guess and the last trouble", since.Sub(start).Seconds())
			return nil
		case still > quiet:
			return append(differences, fmt.Sprintf("and nothing has changed for %v", quiet))
		case time.Since(start) > settleLimit:
			return append(differences, fmt.Sprintf("and it goes on changing after %v", settleLimit))
		}
		pause(t.Context(), max(200*time.Millisecond, time.Since(asked))) // not to take more than half of the machine
	}
}

// differences says what the services hold and should not, and what they should and do not. Solves
// come in the order of the log.
func (tr *trial) differences(found holdings) (differences []string) {
	say := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	lines := make(map[solve]int)
	for _, right := range tr.right {
		lines[right.solve] = right.line
	}
	for _, s := range slices.SortedFunc(maps.Keys(tr.want.awards), func(a, b solve) int {
		return cmp.Or(lines[a]-lines[b], strings.Compare(a.team, b.team))
	}) {
		switch got, want := found.awards[s], tr.want.awards[s]; {
		case len(got) == 0:
			where := "not in the log"
			if lines[s] > 0 {
				where = fmt.Sprintf("line %d of the log", lines[s])
			}
			say("missing in score: %s of %.40q (%s; the driver was told at %s)", s.clue, s.team, where, tr.when(s))
		case len(got) > 1:
			say("counted %d times by score: %s of %.40q: %v", len(got), s.clue, s.team, got)
		case got[0] != want[0]:
			say("wrong in score: %s of %.40q: %v, want %v", s.clue, s.team, got[0], want[0])
		}
	}
	for s, got := range found.awards {
		if tr.want.awards[s] == nil {
			say("extra in score: %s of %.40q: %v", s.clue, s.team, got)
		}
	}
	for team, want := range tr.want.teams {
		if got := found.teams[team]; got != want {
			say("what others hold of %.40q: %+v, want %+v", team, got, want)
		}
	}
	return append(differences, tr.boardDifferences(found.board)...)
}

// boardDifferences compares the leaderboards, which also say whether score's sums agree with its
// awards.
func (tr *trial) boardDifferences(found []replay.Standing) (differences []string) {
	for i := range max(len(found), len(tr.want.board)) {
		got, want := "no row", "no row"
		if i < len(found) {
			got = row(found[i])
		}
		if i < len(tr.want.board) {
			want = row(tr.want.board[i])
		}
		if got != want {
			differences = append(differences, fmt.Sprintf("leaderboard, row %d: %s, want %s", i+1, got, want))
		}
	}
	return differences
}

func row(s replay.Standing) string {
	last := "never"
	if s.LastSolve != nil {
		last = s.LastSolve.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%d. %q %d points, %d solves, last %s", s.Rank, s.Team, s.Points, s.Solves, last)
}

// when says when the driver was told of a solve.
func (tr *trial) when(s solve) string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if at, told := tr.toldAt[s]; told {
		return fmt.Sprintf("%.3f s", at.Seconds())
	}
	return "no time"
}

// list is the first of some lines, and how many more there are.
func list(lines []string, most int) string {
	var b strings.Builder
	for _, line := range lines[:min(most, len(lines))] {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	if more := len(lines) - most; more > 0 {
		fmt.Fprintf(&b, "    and %d more\n", more)
	}
	return b.String()
}

func reversed(lines []string) []string {
	lines = slices.Clone(lines)
	slices.Reverse(lines)
	return lines
}
