package changes

import (
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/stats"
)

// A passing change that is put back ends when it was to end, whatever the wall clock says.
func TestAnUndoneReplacementEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Env{Log: journal.New(nil, "clue-1")}, nil)
		c.rules = c.rules.Set(nil, true)
		var ended []time.Duration
		began := time.Now()
		ends := func() (func() error, error) {
			return func() error { ended = append(ended, time.Since(began)); return nil }, nil
		}
		wrong := stats.Change{Until: began.Add(-time.Hour)} // the node's wall clock is two hours slow
		if err := c.make(subject{}, wrong, time.Hour, ends); err != nil {
			t.Fatal(err)
		}
		undo, err := c.replace(subject{}, func() (func() error, error) { return func() error { return nil }, nil })
		if err == nil {
			err = undo()
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(ended) != 1 || ended[0] != time.Hour {
			t.Errorf("it ended after %v", ended)
		}
	})
}
