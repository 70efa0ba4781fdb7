package leaf

import (
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"leafmesh/mesh/internal/clock"
)

const (
	// watchEach is how often the links are looked at over which something comes.
	watchEach = 250 * time.Millisecond
	// restEach is how often they are looked at otherwise: to be woken is nearly all that an idle
	// node costs.
	restEach = 2 * watchEach
	// restBytes is what links that are at rest carry from look to look: pings and signs of life.
	restBytes = 4 << 10
)

// watch is what is known of links from look to look.
type watch struct {
	addresses []string // of their other ends
	noises    map[uint64]*noise
	isNew     bool  // one was not there at the look before
	read      int64 // bytes, over all
}

// rests reports whether hardly anything came since the look before, over the same links.
func (w *watch) rests(before *watch) bool {
	return !w.isNew && len(w.addresses) == len(before.addresses) && w.read-before.read < restBytes
}

// watchLinks closes links of importers that say that they are hubs, and puts out peers that send
// too much that is no message, or leave too much lying. It ends with the server.
func (s *Server) watchLinks() {
	beat := time.NewTimer(clock.ToBeat(watchEach))
	defer beat.Stop()
	w := watch{}
	for {
		select {
		case now := <-beat.C:
			before, each := w, watchEach
			w = s.lookAtLinks(before, now)
			if changed := s.lookForRoom(); !changed && w.rests(&before) {
				each = restEach
			}
			beat.Reset(clock.ToBeat(each))
		case <-s.ending:
			return
		}
	}
}

// lookAtLinks looks at each link, but for that to a hub, and at what may become one to an exporter.
func (s *Server) lookAtLinks(before watch, now time.Time) (after watch) {
	spec := s.currentSpec()
	dialed := spec.sockets.dialed()
	if len(dialed) == 0 && s.nats.NumLeafNodes() == 0 {
		return watch{}
	}
	carried := spec.sockets.traffic(before.addresses) // first: what comes later is no noise
	after.noises = map[uint64]*noise{}
	for _, link := range s.leafs("") {
		importer, isImporter := strings.CutPrefix(link.Account, readerPrefix)
		exporter, isExporter := strings.CutPrefix(link.Account, exporterPrefix)
		switch {
		case !isImporter && !isExporter:
			continue
		case isImporter && link.IsSpoke: // it would not be cut when it breaks its permissions
			s.log.tellOf(importer, slog.LevelError, "%s says that it is a hub, and is put out", []any{importer})
			s.close(link)
			continue
		case isImporter && spec.sockets.isOut(importer, now): // a plain link is not refused
			s.close(link)
			continue
		}
		address := addressOf(link)
		delete(dialed, address)
		after.addresses = append(after.addresses, address)
		n := before.noises[link.ID]
		if n == nil {
			n, after.isNew = newNoise(spec.MaxPayload), true
		}
		after.noises[link.ID] = n
		t, known := carried[address]
		after.read += t.read
		switch {
		case !known || !n.exceeds(t.read-messageBytes(link), now):
		case isImporter:
			s.expel(importer, tooNoisy)
		default:
			s.shun(exporter)
		}
	}
	after.isNew = after.isNew || len(dialed) > 0
	for address, exporter := range dialed { // all that they have said is noise
		after.addresses = append(after.addresses, address)
		if carried[address].read > int64(noiseBurst+spec.MaxPayload) {
			s.shun(exporter)
		}
	}
	spec.sockets.find(after.addresses, now)
	return after
}

// addressOf is host:port of the other end of a link.
func addressOf(link *server.LeafInfo) string {
	return net.JoinHostPort(link.IP, strconv.Itoa(link.Port))
}
