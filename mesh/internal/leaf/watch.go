package leaf

import (
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// watchEach is how often the links of importers are looked at.
const watchEach = 200 * time.Millisecond

// watchImporters closes links of importers that say that they are hubs, and of those that send too
// much that is no message. It ends with the server.
func (s *Server) watchImporters() {
	tick := time.NewTicker(watchEach)
	defer tick.Stop()
	noises := map[uint64]*noise{}
	for {
		select {
		case now := <-tick.C:
			noises = s.lookAtImporters(noises, now)
		case <-s.ending:
			return
		}
	}
}

// lookAtImporters looks at each link. It takes and returns what noise each has made.
func (s *Server) lookAtImporters(before map[uint64]*noise, now time.Time) map[uint64]*noise {
	if s.nats.NumLeafNodes() == 0 {
		return nil
	}
	spec := s.currentSpec()
	received := spec.sockets.received() // first: what comes later is no noise
	after := map[uint64]*noise{}
	for _, link := range s.leafs("") {
		importer, is := strings.CutPrefix(link.Account, readerPrefix)
		if !is {
			continue
		}
		if link.IsSpoke { // it would not be cut when it breaks its permissions
			s.log.tellOf(importer, slog.LevelWarn, "%s says that it is a hub, and is put out", []any{importer})
			s.close(link)
			continue
		}
		bytes, known := received[addressOf(link)]
		if !known {
			continue
		}
		n := before[link.ID]
		if n == nil {
			n = newNoise(spec.MaxPayload)
		}
		after[link.ID] = n
		if n.exceeds(bytes-messageBytes(link), now) {
			s.expel(importer, tooNoisy)
		}
	}
	return after
}

// addressOf is host:port of the other end of a link.
func addressOf(link *server.LeafInfo) string {
	return net.JoinHostPort(link.IP, strconv.Itoa(link.Port))
}
