package meter

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// Each duration is in the buckets that Prometheus would put it into.
func TestADurationIsInTheRightBuckets(t *testing.T) {
	durations := []time.Duration{-time.Second, 0, 1, 2, 7, 8, 9, 118, 119, 120, time.Microsecond - 1, time.Microsecond, time.Microsecond + 1,
		1 << 30, time.Second - 1, time.Second, time.Second + 1, time.Hour, 68 * time.Minute, 69 * time.Minute, 24 * time.Hour, math.MaxInt64}
	for range 100_000 {
		durations = append(durations, time.Duration(rand.Uint64()>>1>>rand.IntN(63)))
	}
	for _, d := range durations {
		h := New()
		h.Observe(d, 1, cause.ID{}, 0)
		got, seconds := h.Read(), max(d, 0).Seconds()
		classic := slices.IndexFunc(stats.HistogramBounds[:], func(bound time.Duration) bool { return d <= bound })
		if classic < 0 {
			classic = len(stats.HistogramBounds)
		}
		if got.Count != 1 || got.Classic[classic] != 1 {
			t.Fatalf("%v is in the classic buckets %v, want bucket %d", d, got.Classic, classic)
		}
		switch {
		case d <= stats.HistogramZero:
			if got.Zero != 1 || got.Native != nil {
				t.Fatalf("%v is in %+v, want the zero bucket", d, got)
			}
		case seconds > math.Exp2(maxExponent):
			if len(got.Native) != 1 || got.Native[0].Index != maxExponent*perDoubling {
				t.Fatalf("%v is in %+v, want the last bucket", d, got.Native)
			}
		default:
			if len(got.Native) != 1 {
				t.Fatalf("%v is in %+v", d, got)
			}
			i := float64(got.Native[0].Index)
			if low, high := math.Exp2((i-1)/perDoubling), math.Exp2(i/perDoubling); seconds <= low || seconds > high {
				t.Fatalf("%v is in the bucket from %v to %v", d, low, high)
			}
		}
	}
}

func TestWhatIsReadAddsUp(t *testing.T) {
	h := New()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 1000 {
				h.Observe(time.Duration(i)*time.Microsecond, 3, cause.ID{}, 0)
			}
		})
	}
	all.Wait()
	got := h.Read()
	native := got.Zero
	for _, b := range got.Native {
		native += b.Count
	}
	var classic uint64
	for _, count := range got.Classic {
		classic += count
	}
	if got.Count != 12_000 || native != got.Count || classic != got.Count {
		t.Errorf("%d in all, %d native, %d classic, want 12000", got.Count, native, classic)
	}
	if want := 12 * 999 * 500 * time.Microsecond; got.Sum != want {
		t.Errorf("the sum is %v, want %v", got.Sum, want)
	}
	if !slices.IsSortedFunc(got.Native, func(a, b stats.NativeBucket) int { return a.Index - b.Index }) {
		t.Errorf("native buckets are not in order: %+v", got.Native)
	}
}

// An example is of the last second, so that it leads to a spike that is on now.
func TestAnExampleMakesRoomAfterASecond(t *testing.T) {
	h := New()
	for i, at := range []time.Duration{0, time.Second - 1, time.Second, 2*time.Second - 1} {
		h.Observe(20*time.Microsecond, 1, cause.ID{byte(i)}, int64(at))
	}
	h.Observe(time.Hour, 1, cause.ID{9}, 0)
	got := h.Read().Examples
	want := []stats.Example{{Root: cause.ID{2}, Value: 20 * time.Microsecond, At: time.Unix(1, 0)}, {Root: cause.ID{9}, Value: time.Hour, At: time.Unix(0, 0)}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestToObserveAllocatesNothing(t *testing.T) {
	h := New()
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Millisecond, 1, cause.ID{}, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	h := New()
	d := time.Microsecond
	for b.Loop() {
		h.Observe(d, 1, cause.ID{}, 0)
		d = d*7/6&(1<<30-1) | 1
	}
}
