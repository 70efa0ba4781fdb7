package mesh_test

import (
	"context"
	"fmt"
	"testing"

	"leafmesh/mesh"
)

// BenchmarkOpenMany opens a node with many handlers: of patterns, and each of a type of its own.
func BenchmarkOpenMany(b *testing.B) {
	var wild, own []mesh.Handler
	for i := range 10_000 {
		wild = append(wild, mesh.HandleAll(fmt.Sprintf("clue.other-%d.*", i), fmt.Sprintf("other-%d", i), func(context.Context, mesh.Any) error { return nil }))
	}
	for i := range 4_000 {
		e := mesh.NewEvent[Judged](fmt.Sprintf("clue.own-%d.judged", i))
		own = append(own, e.Handle(fmt.Sprintf("own-%d", i), func(context.Context, Judged) error { return nil }))
	}
	for name, handlers := range map[string][]mesh.Handler{"wildcards": wild, "types": own} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				n, err := mesh.Open(b.Context(), mesh.Config{Name: "clue-1", Handlers: handlers})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := n.Close(context.Background()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
