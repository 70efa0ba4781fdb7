package readers

import (
	"testing"
	"time"
)

// What is on its way to an instance is the sum of its types, and falls with what it takes.
func TestFlight(t *testing.T) {
	f := &flight{}
	a, b := &Reader{flight: f, counts: &counts{}}, &Reader{flight: f, counts: &counts{}}
	send := func(r *Reader, events uint64, bytes int) {
		r.sent.Add(events)
		r.weigh(bytes)
	}
	send(a, 10, 1000)
	send(b, 1, 5000)
	if got := f.bytes.Load(); got != 6000 {
		t.Errorf("%d bytes are on their way", got)
	}
	a.taken.Store(5)
	a.weigh(0)
	if got := f.bytes.Load(); got != 5500 {
		t.Errorf("%d bytes after half of one type was taken", got)
	}
	b.taken.Store(99) // more than there were: nothing is less than nothing
	b.weigh(0)
	if got := f.bytes.Load(); got != 500 {
		t.Errorf("%d bytes after more was taken than sent", got)
	}
	a.end()
	send(a, 10, 1000) // by who has not noticed yet that it is over
	if got := f.bytes.Load(); got != 0 {
		t.Errorf("%d bytes of nothing", got)
	}
}

// Who lags behind is waited for a moment, and then no more for a while. Who catches up is served.
// What a reader says does not help it while its system has not got what it was sent.
func TestPatience(t *testing.T) {
	for name, lag := range map[string]func(f *flight, on *line, bytes int64){
		"as it says":         func(f *flight, _ *line, bytes int64) { f.bytes.Store(bytes) },
		"as its system says": func(_ *flight, on *line, bytes int64) { on.lies.Store(bytes) },
	} {
		t.Run(name, func(t *testing.T) {
			f, on := &flight{}, &line{}
			if lag(f, on, flightBytes-1); !f.hasRoom(on) {
				t.Error("no room for one that keeps up")
			}
			lag(f, on, flightBytes)
			began := time.Now()
			if f.hasRoom(on) || time.Since(began) < patience {
				t.Errorf("room, or not waited for: %v", time.Since(began))
			}
			began = time.Now()
			if f.hasRoom(on) || time.Since(began) > patience/2 {
				t.Errorf("room, or waited for again: %v", time.Since(began))
			}
			if lag(f, on, 0); !f.hasRoom(on) {
				t.Error("no room for one that has caught up")
			}
		})
	}
}
