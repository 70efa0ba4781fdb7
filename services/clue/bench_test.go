//go:build unix

package clue

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
)

// BenchmarkSubmit measures a guess from Submit to its verdict in the database, as a replay does it:
// 400 teams, one after the other, nobody waits. It reports processor time too, since the machine's
// other core works for somebody else.
func BenchmarkSubmit(b *testing.B) {
	s, err := New(Config{Config: daemon.Config{Data: mesh.Path(b.TempDir())}}, sample(huntfile.Limits{}))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	config := mesh.Config{Name: "clue-1"}
	s.Declare(&config)
	nodes, err := inproc.Open(ctx, config)
	if err != nil {
		b.Fatal(err)
	}
	teams := make([]string, 400)
	for i := range teams {
		teams[i] = fmt.Sprintf("the team with number %d", i)
		if err := s.handleUnlocked(ctx, CluesUnlocked{Team: teams[i], Clues: []string{"a"}}); err != nil {
			b.Fatal(err)
		}
	}
	at, in := time.Now(), nodes[0].Context(ctx)
	b.ReportAllocs()
	before, start := processorTime(b), time.Now()
	n := 0
	for b.Loop() {
		if _, err := s.Submit(in, Submission{Team: teams[n%len(teams)], Clue: "a", Guess: "BESTSELLINGCRIMENOVEL", At: at}); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := nodes.Close(ctx); err != nil { // Lets the handlers finish.
		b.Fatal(err)
	}
	elapsed := time.Since(start)
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(n), "cpu-µs/guess")
	b.ReportMetric(float64(n)/elapsed.Seconds(), "guesses/s")
	if err := s.Close(ctx); err != nil {
		b.Fatal(err)
	}
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
