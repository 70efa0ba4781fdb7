package leaf

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// lookAgain is how long a line that has no room is taken to have none: a look takes some locks.
	lookAgain = 5 * time.Millisecond
	// maxFormer bounds what lies here for a link whose peer has made another one since: that one
	// may be dead, and the server would find that out some 10 s later.
	maxFormer = 1 << 20
)

// maxLying bounds what lies here for a peer, beside its last messages. Who sends events stops
// before: see [Line.HasRoom]. As each type has a sender, they may go beyond it together, but then
// no more comes.
const maxLying = 10 << 20

// lookForRoom puts out importers for which more lies here, and ever more. It reports whether for
// any importer another amount may lie here than at the look before.
func (s *Server) lookForRoom() (changed bool) {
	s.mu.Lock()
	lines, message := slices.Collect(maps.Values(s.lines)), int64(s.spec.MaxPayload)
	s.mu.Unlock()
	for _, l := range lines {
		before, most := l.room.lay, maxLying+2*message
		if l.room.lay = l.room.mayLie(); l.room.lay >= most {
			l.room.lay = l.look()
		}
		if before >= most && l.room.lay > before+message {
			s.expel(l.peer, tooSlow)
		}
		changed = changed || l.room.lay != before
	}
	return changed
}

// room knows what the peer of a line has not taken. What a peer says of itself would not do: it may
// say that it took what it never read, and nats-server keeps max_pending of it then. What the
// peer's system has acknowledged is certain.
type room struct {
	published atomic.Int64 // bytes, in all
	taken     atomic.Int64 // of published, as of the last look
	full      atomic.Int64 // until when there is no room, in nanoseconds since 1970
	lay       int64        // what lay here when links were looked at last; of who watches links

	looking   sync.Mutex
	addresses []string           // guarded by looking: of the links that were there
	links     map[uint64]waiting // guarded by looking: by their numbers
}

// mayLie is what lies here for the peer at the most.
func (r *room) mayLie() int64 { return r.published.Load() - r.taken.Load() }

// HasRoom reports whether the peer has taken all but so many bytes of what it was sent: of links
// that it dialed, where the system tells, and else it is true. Nearly always it costs two loads.
func (l *Line) HasRoom(most int64) bool {
	r := l.room
	if r.mayLie() < most {
		return true
	}
	now := time.Now()
	if now.UnixNano() < r.full.Load() {
		return false
	}
	if l.look() < most {
		return true
	}
	r.full.Store(now.Add(lookAgain).UnixNano())
	return false
}

// look finds out what waits for the peer, in bytes.
func (l *Line) look() (bytes int64) {
	r := l.room
	r.looking.Lock()
	defer r.looking.Unlock()
	published := r.published.Load()
	bytes = l.waitsLocked()
	r.taken.Store(published - bytes)
	return bytes
}

func (l *Line) waitsLocked() (bytes int64) {
	if !l.isDialedByPeer() {
		return 0
	}
	r, sockets := l.room, l.server.currentSpec().sockets
	before := sockets.traffic(r.addresses)
	links := l.server.leafs(l.account)
	r.addresses = r.addresses[:0]
	var youngest uint64
	for _, link := range links {
		r.addresses = append(r.addresses, addressOf(link))
		youngest = max(youngest, link.ID)
	}
	after := sockets.traffic(r.addresses)
	former := r.links
	r.links = map[uint64]waiting{}
	for _, link := range links {
		address := addressOf(link)
		now, known := after[address]
		if !known {
			continue
		}
		w, followed := former[link.ID]
		if was, known := before[address]; known || !followed { // of a new one all is counted
			w.note(l.sentBytes(link), was.acknowledged)
		}
		r.links[link.ID] = w
		switch left := w.least(now.acknowledged); {
		case link.ID == youngest:
			bytes = left
		case left > maxFormer:
			l.server.close(link)
		}
	}
	return bytes
}

func (l *Line) isDialedByPeer() bool { return strings.HasPrefix(string(l.account), readerPrefix) }

// sentBytes is what the messages of a link have taken on their way, at the least.
func (l *Line) sentBytes(link *server.LeafInfo) int64 {
	bytes := link.OutBytes + link.OutMsgs*int64(len("LMSG  1\r\n")+len(ToReader(l.peer, l.server.Name())))
	if l.server.currentSpec().Plain {
		return bytes
	}
	return bytes + bytes/maxTLSRecord*tlsRecord
}

// waiting is what was sent over a link and not acknowledged, in bytes. Of what was sent not all is
// known, as protocol is not counted; so it is nothing again whenever all that is known of was
// acknowledged.
type waiting struct{ sent, acknowledged, bytes int64 }

// note takes how much was sent, and how much was acknowledged before that.
func (w *waiting) note(sent, acknowledged int64) {
	w.bytes = max(0, w.bytes+sent-w.sent-(acknowledged-w.acknowledged))
	w.sent, w.acknowledged = sent, acknowledged
}

// least is what still waits after more was acknowledged.
func (w *waiting) least(acknowledged int64) int64 {
	return max(0, w.bytes-(acknowledged-w.acknowledged))
}
