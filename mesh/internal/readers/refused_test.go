package readers

import (
	"fmt"
	"strings"
	"testing"
)

// A hello for very many types that are not exported is a few lines of the log: each is a cause, and
// would keep what else is wrong from being written.
func TestAttackByAHelloForAllSorts(t *testing.T) {
	s := newSite(t, nil, "score-1")
	var asks []string
	for i := range 500 {
		asks = append(asks, fmt.Sprint("clue.clue.unknown", i))
	}
	s.greet("score-1", 1, asks...)
	if err := s.env.Log.Close(); err != nil { // it writes what waits
		t.Error(err)
	}
	log := s.log.String() // the welcome is too large besides
	if lines := strings.Count(log, "\n"); lines != maxRefused+2 || !strings.Contains(log, fmt.Sprintf("value=%d", 500-maxRefused)) {
		t.Errorf("%d lines:\n%s", lines, log)
	}
}
