package guesslog

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"leafmesh/embedded/guesslog/testlog"
)

var update = flag.Bool("update", false, "write embedded/testdata/small-log.csv anew")

// TestSmallLog keeps the committed log equal to what smallLog makes.
func TestSmallLog(t *testing.T) {
	path := testlog.Small(t).Path
	want := smallLog()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s is not what smallLog makes; run go test -run TestSmallLog -update ./embedded/guesslog and look at the difference", path)
	}
}

// Teams and puzzles of the small log, with all that real ones have been seen to hold.
var (
	smallTeams = []string{
		"Plain", "two  spaces", "Dots. And. Dots.", `The "Quoted" Ones`, "Comma, Comma & Co", "Ünïcörn Riders", "ねこ探偵団", "🦉🦉🦉",
		"a/b\\c", "100% >*<", "=SUM(A1)", strings.Repeat("long joke ", 19) + "very long", "plain", "Never Right",
	}
	smallPuzzles = []struct{ title, answer string }{
		{"First Steps", "BOOT"}, {"A, B, and C", "ALPHABET SOUP"}, {`"Quotes"`, "CITATION"}, {"Visitor’s Guide", "ÄRGER"},
		{"探し物", "ねこ"}, {"失くし物", "42"}, {"first steps!", "SECONDSTEP"}, {"Nobody Solved This", ""},
	}
)

// smallLog makes the log: some 400 guesses, and among them every kind of row that cannot be used.
func smallLog() []byte {
	random := rand.New(rand.NewPCG(2018, 3))
	var b bytes.Buffer
	b.WriteString("\ufefftime,team,puzzle,guess,correct\n") // a byte order mark, and a header that should not be there
	at := time.Date(2024, 2, 28, 23, 50, 0, 0, time.UTC)    // over the end of a month in a leap year
	broken := brokenRows()
	for round, pending := 0, pendingPairs(); len(pending) > 0; round++ {
		i := random.IntN(len(pending))
		pair := &pending[i]
		at = at.Add(time.Duration(random.IntN(40)) * time.Second) // some in the same second
		end := []string{"\n", "\r\n"}[round%2]
		if pair.wrong > 0 {
			pair.wrong--
			writeRow(&b, at, pair.team, pair.puzzle, wrongGuess(random, pair.answer), "N", end)
		} else {
			if pair.right {
				writeRow(&b, at, pair.team, pair.puzzle, pair.answer, "Y", end)
			}
			pending = append(pending[:i], pending[i+1:]...)
		}
		if round%25 == 24 && len(broken) > 0 {
			b.WriteString(broken[0] + end)
			broken = broken[1:]
		}
	}
	return b.Bytes()
}

// pair is what a team still does at a puzzle.
type pair struct {
	team, puzzle, answer string
	wrong                int
	right                bool
}

func pendingPairs() (pairs []pair) {
	for t, team := range smallTeams {
		for p, puzzle := range smallPuzzles {
			right := puzzle.answer != "" && team != "Never Right" && (t*7+p*3)%9 != 0
			wrong := (t*5 + p*11) % 6
			if p == 0 {
				wrong *= 3 // the puzzle that takes most guesses
			}
			pairs = append(pairs, pair{team, puzzle.title, puzzle.answer, wrong, right})
		}
	}
	return pairs
}

func wrongGuess(random *rand.Rand, answer string) string {
	guesses := []string{"WRONG", "wrong", `say "please"`, "this, or that", strings.Repeat("ja ", 166) + "!!", "🤔", "=1+1", "two\nlines", "…", "X" + answer}
	return guesses[random.IntN(len(guesses))]
}

func writeRow(b *bytes.Buffer, at time.Time, team, puzzle, guess, letter, end string) {
	fields := []string{at.Format(timeForm), team, puzzle, guess, letter}
	for i, f := range fields {
		if strings.ContainsAny(f, "\",\n") {
			fields[i] = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
	}
	b.WriteString(strings.Join(fields, ",") + end)
}

// brokenRows are 13 rows that cannot be used, and a blank line, which is none; the header is one
// more.
func brokenRows() []string {
	const when = "2024-02-29 12:00:00"
	return []string{
		when + ",Plain,First Steps,BOOT",
		when + ",Plain,First Steps,BOOT,Y,extra",
		"",
		"   ",
		"2024-02-30 12:00:00,Plain,First Steps,BOOT,Y",
		"yesterday,Plain,First Steps,BOOT,Y",
		when + ",Plain,First Steps,BOOT,y",
		when + ",Plain,First Steps,BOOT,",
		when + `,Plain,First Steps,"never closed,Y`,
		when + `,Plain,First Steps,a "quote" inside,N`,
		when + ",Plain,First Steps," + strings.Repeat("x", 501) + ",N",
		when + ",Plain,First Steps,,N",
		when + ",Pl\xffain,First Steps,BOOT,N",
		fmt.Sprintf("%s,%s,First Steps,BOOT,N", when, strings.Repeat("t", 201)),
	}
}
