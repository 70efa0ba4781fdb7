package guesslog

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"leafmesh/services/huntfile"
	"leafmesh/services/team"
)

// timeForm is the form of the first column, in UTC. Fractions of a second may follow.
const timeForm = "2006-01-02 15:04:05"

// columns of a row.
const columns = 5

// parseRow makes a guess of a record, or says what is wrong with it.
func parseRow(fields []string) (g Guess, problem string) {
	if len(fields) != columns {
		return g, fmt.Sprintf("%s instead of %d", count(len(fields), "column"), columns)
	}
	at, err := time.Parse(timeForm, fields[0])
	if err != nil {
		return g, fmt.Sprintf("%.40q is no time like %q", fields[0], timeForm)
	}
	if at.UnixMilli() < 1 { // RFC 3339 and time.Parse both end with the year 9999.
		return g, fmt.Sprintf("%s is before 1970", fields[0])
	}
	if fields[4] != "Y" && fields[4] != "N" {
		return g, fmt.Sprintf("%.40q is neither Y nor N", fields[4])
	}
	g = Guess{At: at, Team: fields[1], Puzzle: fields[2], Text: fields[3], Correct: fields[4] == "Y"}
	return g, g.problem()
}

// problem says why the services would not take the guess, "" if they would.
func (g Guess) problem() string {
	if err := team.CheckName(g.Team); err != nil {
		return err.Error()
	}
	switch {
	case !utf8.ValidString(g.Puzzle) || !utf8.ValidString(g.Text):
		return "the row is not UTF-8"
	case strings.TrimSpace(g.Puzzle) == "":
		return "the puzzle has no title"
	case utf8.RuneCountInString(g.Puzzle) > huntfile.MaxTitle:
		return fmt.Sprintf("the puzzle's title is longer than %d characters", huntfile.MaxTitle)
	case g.Text == "":
		return "the guess is empty"
	case utf8.RuneCountInString(g.Text) > huntfile.MaxAnswer:
		return fmt.Sprintf("the guess is longer than %d characters", huntfile.MaxAnswer)
	}
	return ""
}

// count writes a number with its noun: "1 column", "4 columns".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
