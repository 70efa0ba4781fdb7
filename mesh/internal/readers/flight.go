package readers

import (
	"sync"
	"sync/atomic"
	"time"
)

// flightBytes bounds what was sent to an instance that it has not said to have taken: what its
// slowness costs this node. An instance says what it took each 50 ms, so one that keeps up never
// comes near. It also bounds what its system does not have, whatever it says.
const flightBytes = 8 << 20

// keptBytes is what may go beyond that of what is kept: else nothing of it would while as much of
// what is not as the link takes.
const keptBytes = 1 << 20

const (
	// patience is how long events wait for an instance that is behind. Those of the same type for
	// others wait with them.
	patience = 200 * time.Millisecond
	// impatience is how long nothing waits for it again.
	impatience = 10 * time.Second
	// lookForRoom is how often it is looked whether it took something.
	lookForRoom = time.Millisecond
)

// flight is what is on its way to an instance, of all types.
type flight struct {
	bytes     atomic.Int64
	impatient atomic.Int64 // until when nothing waits, in nanoseconds since 1970
}

// hasRoom reports whether more may be sent. If not it waits, though not each time.
func (f *flight) hasRoom(on Line) bool {
	if f.bytes.Load() < flightBytes && on.HasRoom(flightBytes) {
		return true
	}
	now := time.Now()
	if now.UnixNano() < f.impatient.Load() {
		return false
	}
	for end := now.Add(patience); time.Now().Before(end); time.Sleep(lookForRoom) {
		if f.bytes.Load() < flightBytes/2 && on.HasRoom(flightBytes) {
			return true
		}
	}
	f.impatient.Store(time.Now().Add(impatience).UnixNano())
	return false
}

// weight is the share of one type in a flight: events are counted, and weigh what they do on
// average.
type weight struct {
	mu    sync.Mutex
	sent  uint64 // guarded by mu: bytes
	now   int64  // guarded by mu: what the flight has of it
	ended bool   // guarded by mu: it has nothing of it any more
}

// weigh makes up the balance, after so many further bytes were sent.
func (r *Reader) weigh(sent int) {
	w := &r.weight
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent += uint64(sent)
	w.putLocked(r.flight, int64(float64(w.sent)/float64(max(1, r.sent.Load()))*float64(r.onItsWay())))
}

// end takes the type out of the flight, and returns how many bytes were sent of it.
func (r *Reader) end() (sent uint64) {
	r.weight.mu.Lock()
	defer r.weight.mu.Unlock()
	r.weight.putLocked(r.flight, 0)
	r.weight.ended = true
	return r.weight.sent
}

func (w *weight) putLocked(f *flight, bytes int64) {
	if !w.ended {
		f.bytes.Add(bytes - w.now)
		w.now = bytes
	}
}

// HasRoom reports whether a reader may be sent more of what is kept for it: its system has most of
// what it was sent. Who may not read any more has room.
func (r *Readers) HasRoom(name string) bool {
	line := r.lines.to(name)
	return line == nil || line.HasRoom(flightBytes+keptBytes)
}
