package score

import (
	"context"
	"fmt"
	"testing"

	"leafmesh/services/store"
)

func TestStandingAfterAwards(t *testing.T) {
	tests := []struct {
		name   string
		awards []award
		want   Standing
	}{
		{"a solve", []award{{Points: 3, At: 50}}, Standing{Points: 3, Solves: 1, LastSolve: 50}},
		{"a solve worth nothing", []award{{At: 50}}, Standing{Solves: 1, LastSolve: 50}},
		{"a hint is no solve", []award{{Hint: 1, Points: -2, At: 50}}, Standing{Points: -2}},
		{"a hint after a solve", []award{{Points: 3, At: 50}, {Hint: 2, Points: -2, At: 60}}, Standing{Points: 1, Solves: 1, LastSolve: 50}},
		{"a solve after a hint", []award{{Hint: 2, Points: -2, At: 60}, {Points: 3, At: 50}}, Standing{Points: 1, Solves: 1, LastSolve: 50}},
		{"solves out of order", []award{{Points: 3, At: 50}, {Points: 4, At: 40}}, Standing{Points: 7, Solves: 2, LastSolve: 50}},
	}
	l := openTestLedger(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.Team = test.name
			err := l.db.Write(context.Background(), func(tx *store.Tx) error {
				for i, a := range test.awards {
					a.Team, a.Clue = test.name, fmt.Sprint("clue ", i)
					if err := add(tx, a, func() error { return nil }); err != nil {
						return err
					}
				}
				return nil
			})
			if got, read := l.standing(test.name); err != nil || read != nil || got != test.want {
				t.Errorf("got %+v, want %+v (%v, %v)", got, test.want, err, read)
			}
		})
	}
}
