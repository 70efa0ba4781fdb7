package inproc_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

type formed struct {
	N int `cbor:"1,keyasint"`
}

// BenchmarkForm forms full meshes in which each node imports from each other one, in one process.
// It reports the time until all are ready, and the memory of a node.
func BenchmarkForm(b *testing.B) {
	for _, size := range []int{3, 10, 50} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var took time.Duration
			var bytes uint64
			for b.Loop() {
				t, m := form(b, size)
				took, bytes = took+t, bytes+m
			}
			b.ReportMetric(took.Seconds()/float64(b.N), "s/form")
			b.ReportMetric(float64(bytes)/float64(size)/float64(b.N)/1e6, "MB/node")
		})
	}
}

func form(b *testing.B, size int) (took time.Duration, bytes uint64) {
	var configs []mesh.Config
	types := make([]*mesh.Event[formed], size)
	for i := range size {
		types[i] = mesh.NewEvent[formed](fmt.Sprintf("n%d.form.made", i))
	}
	for i := range size {
		c := mesh.Config{Name: fmt.Sprintf("n%d-1", i), Exports: []mesh.Export{types[i].Export(mesh.Limit{})}}
		for j := range size {
			if j != i {
				c.Imports = append(c.Imports, types[j].Import(mesh.Limit{}, mesh.Shared))
				c.Handlers = append(c.Handlers, types[j].Handle(fmt.Sprint("take-", j), func(context.Context, formed) error { return nil }, mesh.Workers(1)))
			}
		}
		configs = append(configs, c)
	}
	before := memory()
	began := time.Now()
	nodes, err := inproc.Open(b.Context(), configs...)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := nodes.Ready(ctx); err != nil {
		b.Fatal(err)
	}
	took, bytes = time.Since(began), memory()-before
	if err := nodes.Close(ctx); err != nil {
		b.Error(err)
	}
	return took, bytes
}

// memory is what the heap and the stacks hold after a collection.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
