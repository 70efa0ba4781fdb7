package transact_test

import (
	"log/slog"
	"strings"
	"testing"

	"leafmesh/mesh/transact"
)

// A Relay that fails says so once in a while, with a remedy.
func TestAFailureHasARemedy(t *testing.T) {
	db, written := newDatabase(t), &lines{}
	startAs(t, openNode(t, "score-1"), transact.Config{Database: db, Logger: slog.New(slog.NewTextHandler(written, nil))})
	if _, err := db.Exec("DROP TABLE mesh_outbox"); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "it has failed", func() bool { return strings.Contains(strings.Join(written.all(), ""), "remedy=") })
	if log := written.all(); len(log) != 1 || !strings.Contains(log[0], "the relay of the outbox failed") || !strings.Contains(log[0], `remedy="see that the service's database answers`) {
		t.Errorf("the log is %q", log)
	}
}
