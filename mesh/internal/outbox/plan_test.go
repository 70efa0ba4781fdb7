package outbox

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFloor(t *testing.T) {
	for _, test := range []struct {
		what         string
		last, newest uint64
		handled      []uint64
		want         uint64
	}{
		{"one came never", 9, 9, []uint64{9, 0}, 0},
		{"the slowest counts", 9, 9, []uint64{7, 5}, 5},
		{"all was handled", 9, 6, []uint64{6, 8}, 9},
		{"one has handled all", 9, 6, []uint64{6, 5}, 5},
		{"nothing of the type is there", 9, 0, []uint64{0}, 9},
		{"a newer one came during the look", 9, 12, []uint64{9}, 9},
		{"a newer one was handled during the look", 9, 12, []uint64{12}, 9},
		{"more was handled than is known", 9, 12, []uint64{11}, 9},
		{"an empty stream", 0, 0, []uint64{0}, 0},
	} {
		if got := floor(test.last, test.newest, test.handled); got != test.want {
			t.Errorf("%s: %d, want %d", test.what, got, test.want)
		}
	}
}

// A stream of two types, whose readers come late and acknowledge in any order of each
// other, loses no message that was not taken and, at the end, none that was is left.
func TestPlanAgainstASimpleStream(t *testing.T) {
	types := []string{"a", "b"}
	rapid.Check(t, func(t *rapid.T) {
		var stream []string       // the type of sequence i+1
		gone := map[uint64]bool{} // by sequence
		readers := map[string][]uint64{"a": make([]uint64, 2), "b": make([]uint64, 1)}
		done := map[string]uint64{}
		newest := func(kind string) (n uint64) {
			for i, k := range stream {
				if k == kind && !gone[uint64(i+1)] {
					n = uint64(i + 1)
				}
			}
			return n
		}
		look := func() {
			last, first := uint64(len(stream)), uint64(1)
			for gone[first] {
				first++
			}
			var floors []span
			for _, kind := range types {
				floors = append(floors, span{kind, floor(last, newest(kind), readers[kind])})
			}
			for _, s := range plan(first, floors, done) {
				for i, kind := range stream {
					if n := uint64(i + 1); n <= s.upTo && (s.subject == "" || s.subject == kind) {
						gone[n] = true
					}
				}
			}
			for n := range gone {
				for i, r := range readers[stream[n-1]] {
					if r < n {
						t.Fatalf("message %d is gone, and reader %d of %s has taken only up to %d", n, i, stream[n-1], r)
					}
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				for range rapid.IntRange(1, 5).Draw(t, "many") {
					stream = append(stream, rapid.SampledFrom(types).Draw(t, "type"))
				}
			},
			"take": func(t *rapid.T) {
				kind := rapid.SampledFrom(types).Draw(t, "type")
				r := &readers[kind][rapid.IntRange(0, len(readers[kind])-1).Draw(t, "reader")]
				for i, k := range stream { // the next of its type
					if n := uint64(i + 1); k == kind && n > *r {
						*r = n
						break
					}
				}
			},
			"look": func(*rapid.T) { look() },
		})
		for _, kind := range types {
			for i := range readers[kind] {
				readers[kind][i] = max(readers[kind][i], newest(kind))
			}
		}
		look()
		if len(gone) != len(stream) {
			t.Fatalf("%d of %d are left", len(stream)-len(gone), len(stream))
		}
	})
}

func TestHistory(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	h := history{keep: 10 * time.Second}
	if got := h.before(at(5)); got != 0 {
		t.Errorf("nothing known: %d", got)
	}
	for second := range 100 {
		h.add(at(second), uint64(second*10))
	}
	for _, test := range []struct {
		second int
		want   uint64
	}{{99, 990}, {1000, 990}, {90, 900}, {89, 890}, {50, 0}, {-1, 0}} {
		if got := h.before(at(test.second)); got != test.want {
			t.Errorf("before second %d: %d, want %d", test.second, got, test.want)
		}
	}
	if len(h.moments) > 12 {
		t.Errorf("%d moments are kept for 10 s", len(h.moments))
	}
	quiet := history{keep: 10 * time.Second}
	quiet.add(at(0), 7)
	quiet.add(at(100), 8)
	if got := quiet.before(at(90)); got != 7 {
		t.Errorf("after a gap: %d, want 7", got)
	}
}
