package wire

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// idAt is an id that was made at a time, in milliseconds since 1970.
func idAt(milliseconds uint64) (id ID) {
	binary.BigEndian.PutUint64(id[:], milliseconds<<16)
	id[15] = 1
	return id
}

// Whatever the clocks of the two nodes say: the age that was set is the age that is told, and the
// time is the emitter's unless it lies before the root's by more than that.
func TestTheAgeTravels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := rapid.Uint64Range(0, 1<<42).Draw(t, "root")
		at := rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "at")
		age := time.Duration(rapid.Int64Range(0, math.MaxInt64/4).Draw(t, "age"))
		e := Envelope{ID: ID{1}, Root: idAt(root)}
		e.SetAge(at, age)
		if got := e.Age(); got != age || e.Waited < 0 {
			t.Fatalf("age %v, want %v; waited %v", got, age, e.Waited)
		}
		if late := int64(root)*int64(time.Millisecond) + int64(age); e.Time != max(at, late) {
			t.Fatalf("time %d, want %d or %d", e.Time, at, late)
		}
	})
}

// Sums saturate: nothing that somebody makes up is negative, or young.
func TestAgesThatSomebodyMadeUp(t *testing.T) {
	const most = math.MaxInt64
	for _, test := range []struct {
		root         uint64
		time, waited int64
		want         time.Duration
	}{
		{0, most, 0, most},
		{0, most, most, 0},
		{0, math.MinInt64, 0, 0},
		{0, math.MinInt64, most, 0},
		{1<<48 - 1, math.MinInt64, most, 0},
		{1<<48 - 1, most, 0, time.Duration(most % int64(time.Millisecond))}, // a root that is yet to come
		{1000, int64(3 * time.Second), int64(time.Second), time.Second},
	} {
		e := Envelope{ID: ID{1}, Root: idAt(test.root), Time: test.time, Waited: test.waited}
		if got := e.Age(); got != test.want {
			t.Errorf("root %d, time %d, waited %d: age %v, want %v", test.root, test.time, test.waited, got, test.want)
		}
	}
	e := Envelope{ID: ID{1}, Root: idAt(1<<48 - 1)}
	if e.SetAge(5, most); e.Time != most || e.Waited != 0 {
		t.Errorf("time %d, waited %d", e.Time, e.Waited)
	}
	e.Root = e.ID
	if e.SetAge(5, 7); e.Time != 5 || e.Waited != 0 || e.Age() != 0 {
		t.Errorf("a root: time %d, waited %d, age %v", e.Time, e.Waited, e.Age())
	}
}
