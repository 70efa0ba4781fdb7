package meter

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"leafmesh/mesh/stats"
)

// The native buckets go from just above 2^minExponent seconds, 119 ns, to 2^maxExponent seconds, 68
// minutes. What is shorter is in the zero bucket, what is longer in the last one.
const (
	minExponent = -23
	maxExponent = 12
	perDoubling = 1 << stats.HistogramSchema
	natives     = (maxExponent - minExponent) * perDoubling
)

// cell is a span of durations that lies in one native and in one classic bucket: the bounds of both
// cut the durations into cells, so that an event is counted once for both.
type cell struct {
	upTo    int64 // nanoseconds, included
	native  int   // the index of its native bucket; zeroBucket: shorter than all
	classic int   // the index of its classic bucket
}

// zeroBucket is no index that a native bucket has.
const zeroBucket = minExponent * perDoubling

// cells lie one after the other; the last has no end.
var cells = makeCells()

func makeCells() []cell {
	var ends []int64
	for i := zeroBucket; i < zeroBucket+natives; i++ {
		ends = append(ends, nativeBound(i))
	}
	for _, bound := range stats.HistogramBounds {
		ends = append(ends, int64(bound))
	}
	slices.Sort(ends)
	ends = append(slices.Compact(ends), math.MaxInt64)
	made := make([]cell, len(ends))
	for i, end := range ends {
		native := zeroBucket
		for native < zeroBucket+natives && nativeBound(native) < end {
			native++
		}
		classic, _ := slices.BinarySearch(stats.HistogramBounds[:], time.Duration(end))
		made[i] = cell{upTo: end, native: native, classic: classic}
	}
	return made
}

// nativeBound is the end of a native bucket in whole nanoseconds, which durations are.
func nativeBound(index int) int64 {
	return int64(math.Floor(math.Exp2(float64(index)/perDoubling) * float64(time.Second)))
}

// starts has the first cell that a duration can be in, by its leading bits.
var starts = makeStarts()

// leading is how many bits of a duration after the first one choose a start.
const leading = 3

func makeStarts() (first [64 << leading]uint16) {
	for i := range first {
		length, rest := i>>leading, uint64(i&(1<<leading-1))
		var least uint64 // of the durations that have these bits
		switch {
		case length > leading:
			least = (1<<leading | rest) << (length - 1 - leading)
		case length > 0:
			least = 1 << (length - 1)
		}
		first[i] = uint16(slices.IndexFunc(cells, func(c cell) bool { return uint64(c.upTo) >= least }))
	}
	return first
}

// cellOf is the index of a duration's cell.
func cellOf(d time.Duration) int {
	d = max(d, 0)
	length := bits.Len64(uint64(d))
	at := length << leading
	if length > leading {
		at |= int(uint64(d)>>(length-1-leading)) & (1<<leading - 1)
	}
	i := int(starts[at])
	for cells[i].upTo < int64(d) {
		i++
	}
	return i
}
