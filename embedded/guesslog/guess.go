package guesslog

import "time"

// Guess is one row of a log.
type Guess struct {
	Line    int // where the row begins, from 1
	At      time.Time
	Team    string
	Puzzle  string // its title
	Text    string // what was guessed, as the team wrote it
	Correct bool   // what the log's own judge said
}

// Log is a log that was read.
type Log struct {
	Guesses []Guess // in the order of the file
	Skipped int     // rows that could not be used
	// Problems tell of the first skipped rows, at most MaxProblems.
	Problems []Problem
}

// Problem is why a row was skipped.
type Problem struct {
	Line int // where the row begins, from 1
	Text string
}

// MaxProblems is how many skipped rows are told of one by one.
const MaxProblems = 10

// Team is a team of the log.
type Team struct {
	Name  string
	Since time.Time // when it guesses first
}

// Teams returns all teams, in the order in which they first guess.
func (l *Log) Teams() []Team {
	seen := make(map[string]bool)
	var teams []Team
	for _, g := range l.Guesses {
		if !seen[g.Team] {
			seen[g.Team] = true
			teams = append(teams, Team{Name: g.Team, Since: g.At})
		}
	}
	return teams
}

func (l *Log) skip(line int, problem string) {
	l.Skipped++
	if len(l.Problems) < MaxProblems {
		l.Problems = append(l.Problems, Problem{Line: line, Text: problem})
	}
}
