package clue

import (
	"fmt"
	"strings"
	"testing"
)

// The log tells causes apart by the words of errors: an id, which may be of letters alone, is
// quoted so that it counts as none.
func TestErrorsQuoteAttempts(t *testing.T) {
	var ids attemptIDs
	r, err := openRecords(t.TempDir(), "hunt", &ids)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, isNew := range []bool{true, false} {
		_, _, err := r.add(t.Context(), attempt{id: 12345, team: "owls"}, isNew)
		if want := fmt.Sprintf("attempt %q: ", formatAttempt(12345)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
