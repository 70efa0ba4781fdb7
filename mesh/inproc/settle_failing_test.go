package inproc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// Settle says of what fails and comes again where and why, and what to do about it.
func TestSettleSaysWhatFails(t *testing.T) {
	once := mesh.Retry{Tries: 1}
	for _, c := range []struct {
		name    string
		durable bool
		retry   mesh.Retry
		want    string // without the time
		remedy  string
	}{
		{"durable", true, once, "score-1: clue.clue.solved fails at handler score, delivery 1 of 8, again at ", "shorten the redelivery of the import"},
		{"on the node", false, mesh.Retry{Tries: 5, FirstPause: time.Hour, LongestPause: time.Hour},
			"score-1: clue.clue.solved fails at handler score, call 1 of 5, again at ", "mesh.Retry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			export, imports := Solved.Export(mesh.Limit{}), Solved.Import(mesh.Limit{}, mesh.Shared)
			if c.durable {
				export.KeptFor, imports = []string{"score"}, mesh.Import{Event: Solved.Subject(), Durable: true}
			}
			nodes, err := inproc.Open(t.Context(),
				mesh.Config{Name: "clue-1", Data: mesh.Path(t.TempDir()), Exports: []mesh.Export{export}},
				mesh.Config{Name: "score-1", Data: mesh.Path(t.TempDir()), Imports: []mesh.Import{imports},
					Handlers: []mesh.Handler{Solved.Handle("score", func(context.Context, Solve) error { return errors.New("no such team") }, c.retry)}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			t.Cleanup(func() {
				ended, cancel := context.WithCancel(context.Background())
				cancel() // what waits to be called again is not waited for
				_ = nodes.Close(ended)
			})
			if err := nodes.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			solve(t, nodes, 1)
			for len(nodes.Failing()) == 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			ended, end := context.WithTimeout(ctx, 10*time.Millisecond)
			defer end()
			err = nodes.Settle(ended)
			if err == nil {
				t.Fatal("at rest")
			}
			for _, part := range []string{c.want, ": no such team", c.remedy, "mesh.Final"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
			if strings.Contains(err.Error(), "have not arrived") {
				t.Errorf("it did arrive: %v", err)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is no end of the context", err)
			}
		})
	}
}
