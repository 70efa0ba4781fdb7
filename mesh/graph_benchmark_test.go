package mesh_test

import (
	"context"
	"testing"

	"leafmesh/mesh"
)

// BenchmarkEmitInHandler has a handler emit one event of another type for each
// that it handles: two events an operation.
func BenchmarkEmitInHandler(b *testing.B) {
	done := make(chan struct{})
	n := 0
	node := openCore(b, mesh.Config{Handlers: []mesh.Handler{
		stepTaken.Handle("pass on", func(ctx context.Context, s step) error { return stepRepeated.Emit(ctx, s) }),
		stepRepeated.Handle("count", func(context.Context, step) error {
			if n++; n == b.N {
				close(done)
			}
			return nil
		}),
	}})
	ctx := node.Context(context.Background())
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := stepTaken.Emit(ctx, step{Key: "a"}); err != nil {
			b.Fatal(err)
		}
	}
	<-done
}
