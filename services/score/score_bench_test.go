package score

import (
	"context"
	"fmt"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/services/daemon"
)

// BenchmarkSolve is a solve from its event to the announcement of the new standing, with state on
// disk, over a link between two nodes.
func BenchmarkSolve(b *testing.B) {
	hunt := testHunt()
	s, err := New(Config{Config: daemon.Config{Data: mesh.Path(b.TempDir())}}, hunt)
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	announced := 0
	config := mesh.Config{Name: "score-1", Handlers: []mesh.Handler{
		Changed.Handle("count", func(context.Context, LeaderboardChanged) error {
			if announced++; announced == b.N {
				close(done)
			}
			return nil
		}),
	}}
	s.Declare(&config)
	ctx := context.Background()
	config.Imports = []mesh.Import{Solved.Import(mesh.Limit{}, mesh.Shared)}
	nodes, err := inproc.Open(ctx, mesh.Config{Name: "clue-1", Exports: []mesh.Export{Solved.Export(mesh.Limit{})}}, config)
	if err != nil {
		b.Fatal(err)
	}
	if err := nodes.Ready(ctx); err != nil {
		b.Fatal(err)
	}
	root := nodes.Node("clue-1").Context(ctx)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := Solved.Emit(root, ClueSolved{fmt.Sprintf("team %d", i/len(hunt.Clues)), hunt.Clues[i%len(hunt.Clues)].ID, int64(i + 1)}); err != nil {
			b.Fatal(err)
		}
	}
	<-done
	b.StopTimer()
	for _, node := range nodes {
		if err := node.Close(ctx); err != nil {
			b.Error(err)
		}
	}
	if err := s.Close(ctx); err != nil {
		b.Error(err)
	}
}
