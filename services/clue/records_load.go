package clue

import (
	"context"
	"database/sql"
	"fmt"
)

// load computes the board from the database, and lets the ids go on after the highest in it.
func (r *records) load() (*board, error) {
	// It is read first, as each seat that the other queries make begins with it.
	var last sql.NullInt64
	if err := r.db.Read().QueryRow("SELECT max(judged) FROM attempts").Scan(&last); err != nil {
		return nil, fmt.Errorf("load last attempt: %w", err)
	}
	r.ids.last.Store(last.Int64)
	b := newBoard(last.Int64)
	for _, part := range []struct {
		query string
		scan  func(*board, *sql.Rows) error
	}{
		{"SELECT team, clue FROM open_clues", scanOpen},
		{"SELECT team, clue, max(wrong), max(at) FROM attempts WHERE verdict = 2 GROUP BY team, clue", scanWrong},
		{"SELECT team, clue, min(at) FROM attempts WHERE verdict = 1 GROUP BY team, clue", scanSolved},
		{"SELECT team, clue, max(hint) FROM hints GROUP BY team, clue", scanHints},
	} {
		if err := r.db.Each(context.Background(), part.query, func(rows *sql.Rows) error { return part.scan(b, rows) }); err != nil {
			return nil, fmt.Errorf("load state of clue: %w", err)
		}
	}
	return b, nil
}

// standing finds or makes a team's standing on a board that nobody else has yet.
func (b *board) standing(team, clue string) *standing {
	s := b.keep(team)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changeLocked(clue)
}

func scanOpen(b *board, rows *sql.Rows) error {
	var team, clue string
	if err := rows.Scan(&team, &clue); err != nil {
		return err
	}
	b.standing(team, clue).Open = true
	return nil
}

func scanWrong(b *board, rows *sql.Rows) error {
	var team, clue string
	var wrong int
	var at int64
	if err := rows.Scan(&team, &clue, &wrong, &at); err != nil {
		return err
	}
	s := b.standing(team, clue)
	s.Wrong, s.WrongAt = wrong, at
	return nil
}

func scanSolved(b *board, rows *sql.Rows) error {
	var team, clue string
	var at int64
	if err := rows.Scan(&team, &clue, &at); err != nil {
		return err
	}
	s := b.standing(team, clue)
	s.Solved, s.SolvedAt = true, at
	return nil
}

func scanHints(b *board, rows *sql.Rows) error {
	var team, clue string
	var hints int
	if err := rows.Scan(&team, &clue, &hints); err != nil {
		return err
	}
	b.standing(team, clue).Hints = hints
	return nil
}
