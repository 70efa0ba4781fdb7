package wire

import (
	"bytes"
	"math"
	"testing"
)

// Where the form of a head changes, it is the library's, and reads back.
func TestHeadForms(t *testing.T) {
	for _, n := range []int64{0, 1, 23, 24, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64} {
		for _, n := range []int64{n, -n, -1 - n} {
			got := appendInt(nil, n)
			if want := must(libraryEncoder.Marshal(n)); !bytes.Equal(got, want) {
				t.Errorf("%d: %x; want %x", n, got, want)
			}
			r := reader{data: got}
			if back, err := r.integer(); err != nil || back != n || r.off != len(got) {
				t.Errorf("%d reads back as %d, %v", n, back, err)
			}
			for i := range got {
				r := reader{data: got[:i]}
				if _, err := r.integer(); err == nil || r.off != 0 {
					t.Errorf("%d: its first %d bytes: %v, then at byte %d", n, i, err, r.off)
				}
			}
		}
	}
}
