package readers

import (
	"time"

	"leafmesh/mesh/internal/release"
	"leafmesh/mesh/internal/wire"
)

// peer is what a reader says of itself.
type peer struct {
	release string
	wire    uint64
	bidden  bool      // it said goodbye, and nothing since
	toldAt  time.Time // when one of another version was told this node's
}

// tellEach is how often a reader of another version is told this node's.
const tellEach = time.Second

// meet notes what a reader says of itself.
func (r *Readers) meet(name string, h *wire.Hello) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines.to(name) != nil { // else it was removed meanwhile
		r.peers[name] = &peer{release: h.Release, wire: h.Version}
	}
}

// hearOther answers a reader that speaks another version with a welcome in this node's: all that
// the reader understands of it is the version. So it can say what is to be upgraded.
func (r *Readers) hearOther(name string, other *wire.OtherVersion) {
	now := time.Now()
	r.mu.Lock()
	p := r.peers[name]
	if p == nil || p.wire != other.Spoken {
		p = &peer{wire: other.Spoken}
		r.peers[name] = p
	}
	tell := now.Sub(p.toldAt) >= tellEach
	if tell {
		p.toldAt = now
	}
	r.mu.Unlock()
	if !tell {
		return
	}
	if err := r.say(name, &wire.Welcome{Exporter: r.env.Node, MaxPayload: uint64(r.env.MaxPayload), Release: release.Version(), Time: r.env.Wall()}); err != nil {
		r.env.Log.Warn("a reader of another version is not told this node's", "peer", name, "error", err)
	}
}

// Peer is what a reader says of its program, and which version of the wire it speaks; "" and 0 if
// it has not said it. bidden: it said goodbye. The nil Readers know nobody.
func (r *Readers) Peer(name string) (version string, spoken uint64, bidden bool) {
	if r == nil {
		return "", 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[name]
	if p == nil {
		return "", 0, false
	}
	return p.release, p.wire, p.bidden
}
