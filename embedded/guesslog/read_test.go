package guesslog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"leafmesh/embedded/guesslog/testlog"
)

const good = "2018-03-16 19:22:01,Owls,Try and Eat,SKINNY,Y\n"

func TestParseTakesWhatCSVAllows(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []Guess
	}{
		"plain":          {good, []Guess{{Line: 1, Team: "Owls", Puzzle: "Try and Eat", Text: "SKINNY", Correct: true}}},
		"no line end":    {strings.TrimSpace(good), []Guess{{Line: 1, Team: "Owls", Puzzle: "Try and Eat", Text: "SKINNY", Correct: true}}},
		"CRLF":           {"2018-03-16 19:22:01,Owls,P,G,N\r\n", []Guess{{Line: 1, Team: "Owls", Puzzle: "P", Text: "G"}}},
		"mark and blank": {"\ufeff\n\r\n2018-03-16 19:22:01,Owls,P,G,N", []Guess{{Line: 3, Team: "Owls", Puzzle: "P", Text: "G"}}},
		"quotes":         {`2018-03-16 19:22:01,"a ""b"", c",P,"x,y",N`, []Guess{{Line: 1, Team: `a "b", c`, Puzzle: "P", Text: "x,y"}}},
		"two lines": {"2018-03-16 19:22:01,Owls,P,\"x\ny\",N\n2018-03-16 19:22:01,Owls,P,G,N", []Guess{
			{Line: 1, Team: "Owls", Puzzle: "P", Text: "x\ny"}, {Line: 3, Team: "Owls", Puzzle: "P", Text: "G"}}},
		"spaces stay": {"2018-03-16 19:22:01,Owls, P , G ,N", []Guess{{Line: 1, Team: "Owls", Puzzle: " P ", Text: " G "}}},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := Parse(test.text)
			if err != nil || log.Skipped > 0 {
				t.Fatalf("Parse: %v, problems %v", err, log.Problems)
			}
			if len(log.Guesses) != len(test.want) {
				t.Fatalf("got %d guesses, want %d", len(log.Guesses), len(test.want))
			}
			for i, want := range test.want {
				want.At = time.Date(2018, 3, 16, 19, 22, 1, 0, time.UTC)
				if log.Guesses[i] != want {
					t.Errorf("guess %d: got %+v, want %+v", i, log.Guesses[i], want)
				}
			}
		})
	}
}

// Each bad row stands between two good ones, which must not suffer.
func TestParseSkipsBadRowsAlone(t *testing.T) {
	const when = "2018-03-16 19:22:01"
	for row, problem := range map[string]string{
		when + ",Owls,P,N":                "4 columns instead of 5",
		when + ",Owls,P,G,N,":             "6 columns instead of 5",
		"x":                               "1 column instead of 5",
		"2018-13-16 19:22:01,Owls,P,G,N":  "is no time",
		"2018-03-16T19:22:01Z,Owls,P,G,N": "is no time",
		"1969-12-31 23:59:59,Owls,P,G,N":  "before 1970",
		when + ",Owls,P,G,n":              `"n" is neither Y nor N`,
		when + ",Owls,P,G,YES":            `"YES" is neither Y nor N`,
		when + ",,P,G,N":                  "team name is missing",
		when + ", Owls,P,G,N":             "white space",
		when + ",Owls, ,G,N":              "no title",
		when + ",Owls," + strings.Repeat("p", 201) + ",G,N": "title is longer",
		when + ",Owls,P,,N": "guess is empty",
		when + ",Owls,P," + strings.Repeat("é", 501) + ",N":     "longer than 500",
		when + ",Owls,P,\xff,N":                                 "not UTF-8",
		when + `,Owls,P,"G,N`:                                   "a quote is not closed",
		when + `,Owls,P,a "b" c,N`:                              `bare "`,
		when + `,Owls,P,"a" b,N`:                                `"`,
		"time,team,puzzle,guess,correct":                        "is no time",
		when + ",Owls,P," + strings.Repeat("x", 100<<10) + ",N": "longer than 65536",
	} {
		log, err := Parse(good + row + "\n" + good + good)
		if err != nil {
			t.Errorf("%.60q: %v", row, err)
			continue
		}
		if len(log.Guesses) != 3 || log.Skipped != 1 || len(log.Problems) != 1 {
			t.Errorf("%.60q: %d guesses, %d skipped, problems %v; want 3 and 1", row, len(log.Guesses), log.Skipped, log.Problems)
			continue
		}
		if p := log.Problems[0]; p.Line != 2 || !strings.Contains(p.Text, problem) {
			t.Errorf("%.60q: line %d: %q; want line 2 and %q", row, p.Line, p.Text, problem)
		}
		if last := log.Guesses[2].Line; last != 4 {
			t.Errorf("%.60q: the last row is on line %d, want 4", row, last)
		}
	}
}

func TestParseTellsTenProblems(t *testing.T) {
	log, err := Parse(strings.Repeat("bad\n", 25) + good)
	if err != nil || log.Skipped != 25 || len(log.Problems) != MaxProblems || log.Problems[9].Line != 10 {
		t.Fatalf("error %v, skipped %d, problems %v", err, log.Skipped, log.Problems)
	}
}

func TestReadErrors(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "log.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		path string
		want error
	}{
		"missing":    {filepath.Join(t.TempDir(), "none.csv"), fs.ErrNotExist},
		"empty":      {write(""), ErrEmpty},
		"blank":      {write("\ufeff\r\n \n"), ErrEmpty},
		"all broken": {write("a,b\n"), ErrNoGuess},
	} {
		if _, err := Read(test.path); !errors.Is(err, test.want) || !strings.Contains(err.Error(), filepath.Base(test.path)) {
			t.Errorf("%s: got %v, want %v and the file's name", name, err, test.want)
		}
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a folder was read as a log")
	}
}

func TestReadLogs(t *testing.T) {
	for _, known := range testlog.All(t) {
		log, err := Read(known.Path)
		if err != nil {
			t.Fatal(err)
		}
		correct := 0
		for _, g := range log.Guesses {
			if g.Correct {
				correct++
			}
		}
		got := testlog.Log{Name: known.Name, Path: known.Path, Board: known.Board, Solved: known.Solved,
			Guesses: len(log.Guesses), Correct: correct, Skipped: log.Skipped, Teams: len(log.Teams())}
		if got != known {
			t.Errorf("got  %+v\nwant %+v\nproblems %v", got, known, log.Problems)
		}
	}
}

// FuzzParse looks for a text that makes a row vanish: lines that are not blank are taken, skipped,
// or part of a record.
func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("\ufeff" + good + "\"\n" + good)
	for _, row := range brokenRows() {
		f.Add(row)
	}
	f.Add("2018-03-16 19:22:01,Owls,P,\"x\ny\",N\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		log, err := Parse(text)
		if err != nil && !errors.Is(err, ErrNoGuess) {
			return
		}
		before := 0
		for _, g := range log.Guesses {
			if g.Line <= before || g.problem() != "" {
				t.Fatalf("line %d after line %d: %+v", g.Line, before, g)
			}
			before = g.Line
		}
		rows := len(log.Guesses) + log.Skipped
		lines := 0
		for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
			if strings.TrimRight(line, "\r\n") != "" {
				lines++
			}
		}
		if rows > lines+strings.Count(text, "\r") || (rows == 0 && lines > 0) {
			t.Fatalf("%d rows in %d lines", rows, lines)
		}
		// A good row at the end is always found.
		if again, err := Parse(text + "\n" + good + strings.Repeat(good, maxRecordLines)); err != nil || again.Guesses[len(again.Guesses)-1].Text != "SKINNY" {
			t.Fatalf("a good row after the text is lost: %v", err)
		}
	})
}

// A line that is no row, however long, costs no memory, and its neighbours nothing.
func TestAttackALongLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.csv")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const long = 64 << 20
	if _, err := file.WriteString(good); err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(long); err != nil { // zeros
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("\n"+good), long); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	log, err := Read(path)
	runtime.ReadMemStats(&after)
	if err != nil || len(log.Guesses) != 2 || log.Guesses[1].Line != 3 || log.Skipped != 1 || log.Problems[0] != (Problem{2, errLong.Error()}) {
		t.Fatalf("%+v, %v", log, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("it took %d bytes", used)
	}
}

// Bytes come through as they are, at the bound and around the pieces in which a file is read.
func TestReadKeepsLines(t *testing.T) {
	for _, length := range []int{0, 1, 4094, 4095, 4096, 4097, 8192, maxRecordBytes - 1, maxRecordBytes, maxRecordBytes + 1} {
		line := strings.Repeat("x", length)
		for _, text := range []string{line, line + "\n", line + "\n\n" + good, good + line + "\r\n"[1:] + line} {
			path := filepath.Join(t.TempDir(), "log.csv")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := readLines(path); err != nil || got != text {
				t.Errorf("%d: got %d bytes, want %d (%v)", length, len(got), len(text), err)
			}
		}
	}
}
