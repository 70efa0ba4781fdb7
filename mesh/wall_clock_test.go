package mesh_test

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// setClock is a wall clock that is set: by so much it is off.
type setClock struct{ off atomic.Int64 }

func (c *setClock) read() time.Time         { return time.Now().Add(time.Duration(c.off.Load())) }
func (c *setClock) setOff(by time.Duration) { c.off.Store(int64(by)) }

// A wall clock that was ahead and is set right keeps no node unready, whichever end of the link it
// is of, and the log says that it was set.
func TestAClockThatIsSetRightIsNoProblem(t *testing.T) {
	for _, end := range []string{"importer", "exporter"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			var wall setClock
			wall.setOff(2 * time.Hour)
			w := &watched{log: &logged{}}
			changeClue, changeScore := func(*mesh.Config) {}, func(c *mesh.Config) { c.WallClock = wall.read }
			if end == "exporter" {
				changeClue, changeScore = func(c *mesh.Config) {
					c.WallClock, c.Logger = wall.read, slog.New(slog.NewTextHandler(w.log, nil))
				}, changeClue
			}
			w.open(t, changeClue, changeScore)
			w.becomes(t, stats.AboutClock)
			wall.setOff(0)
			w.becomes(t, "")
			w.says(t, "level=WARN", "the wall clock was set, or the machine was suspended", "by=-2h0m0s", "up to 4h0m0s")
		})
	}
}

// An operator is let in at once when the node's wall clock is set right. What was asked before is
// not taken again, whatever the clock says.
func TestAClockThatIsSetRightLetsOperatorsIn(t *testing.T) {
	var wall setClock
	var log logged
	wall.setOff(2 * time.Hour)
	ada := newSigner(t, "ada", config.MayRead)
	_, conn := tapped(t, mesh.Config{Name: "core-1", WallClock: wall.read, Operators: []mesh.Operator{ada.Operator}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if _, problem := send(t, conn, ada.signed("mesh.ops.health", "")); !strings.Contains(problem, "the question is out of its time: it ended") {
		t.Fatalf("while the clock is ahead: %q", problem)
	}
	wall.setOff(0)
	once := ada.signed("mesh.ops.all.health", "")
	if _, problem := send(t, conn, once); problem != "" {
		t.Errorf("when it is right: %s", problem)
	}
	for _, off := range []time.Duration{time.Hour, 0, -time.Minute, 0} {
		wall.setOff(off)
		_, _ = send(t, conn, ada.signed("mesh.ops.health", ""))
		if _, problem := send(t, conn, once); !strings.HasPrefix(problem, "403 ") {
			t.Errorf("again, when the clock is %v off: %q", off, problem)
		}
	}
	if text := log.String(); !strings.Contains(text, "by=-2h0m0s") {
		t.Errorf("the log does not say that the clock was set:\n%s", text)
	}
}
