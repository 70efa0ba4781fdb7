package inlet

import (
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// ErrOtherWire means that a peer speaks another version of the wire. It waits for an upgrade.
var ErrOtherWire = errors.New("another version of the wire")

// peer is what an exporter says of itself. It is guarded by the talk's lock.
type peer struct {
	release string
	wire    uint64
	bidden  bool // it said goodbye, and nothing since
	// ahead is how far its clock is ahead, known within so much; both 0 if it is not known.
	ahead, within time.Duration
}

// saidTwice is when a hello was said of which it is not known which one is answered.
const saidTwice = -1

// welcome notes what the exporter says. asked is when it was asked, now the present; wall is the
// same moment by the clock that is compared. The error is at most half of the way there and back.
func (p *peer) welcome(w *wire.Welcome, asked, now, wall int64) {
	p.release, p.wire, p.bidden = w.Release, w.Version, false
	if asked <= 0 || w.Time == 0 {
		return
	}
	half := (now - asked) / 2
	p.ahead, p.within = time.Duration(w.Time-(wall-half)), time.Duration(half)
}

// hearOther notes that the exporter speaks another version. Waiting does not change that while the
// link stands.
func (t *talk) hearOther(other *wire.OtherVersion) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.greeting.answered {
		return
	}
	t.peer.wire = other.Spoken
	remedy := fmt.Sprintf("upgrade %s: exporters come before their readers", t.exporter)
	if other.Spoken > wire.TalkVersion {
		remedy = fmt.Sprintf("%s is upgraded already, upgrade this node now", t.exporter)
	}
	t.unbind(fmt.Errorf("%w: %s speaks %d, this node %d: %s", ErrOtherWire, t.exporter, other.Spoken, wire.TalkVersion, remedy), true)
}

// state is what the exporter says of itself, and how far its clock is ahead.
func (t *talk) state() (s stats.LinkState, bidden bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return stats.LinkState{Version: t.peer.release, Wire: t.peer.wire, Ahead: t.peer.ahead, AheadWithin: t.peer.within}, t.peer.bidden
}

// Peer is what an exporter says of itself, and whether it said goodbye. The nil Set knows nobody.
func (s *Set) Peer(exporter string) (state stats.LinkState, bidden bool) {
	t := s.talkWith(exporter)
	if t == nil {
		return stats.LinkState{}, false
	}
	return t.state()
}
