package leaf

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"
)

// What an importer may cost in a second, and what may wait of it. A message costs 1, some 5 µs, and
// more if it asks for more: see [Line.Hear]. One that answers for 400,000 events a second says some
// 1,000 messages with 8 MB.
const (
	maxCost      = 10_000
	maxSaidBytes = 32 << 20

	maxUnheardMessages = 16_384
	maxUnheardBytes    = 4 << 20
)

// expelledFor is how long an importer stays out that costs too much: the handshakes of one that
// dials at once would cost as much as what it says.
const expelledFor = 10 * time.Second

// meter bounds what one importer costs. It is for the goroutine that hears it.
type meter struct {
	cost, bytes *rate.Limiter
	// told is how many messages the importer was told in all; of those that come by the hub, all
	// together, as they share a line. It may answer each, whatever that
	// costs in a second: with exports in order each event is a message, and so is its answer.
	told    func() uint64
	seen    uint64 // of told
	answers uint64 // that it may still give
}

func newMeter(told func() uint64) *meter {
	return &meter{cost: rate.NewLimiter(maxCost, maxCost), bytes: rate.NewLimiter(maxSaidBytes, maxSaidBytes), told: told}
}

// exceeds adds to what the importer costs, and reports whether it is too much.
func (m *meter) exceeds(now time.Time, cost, bytes int) bool {
	return !m.cost.AllowN(now, cost) && !m.mayAnswer(uint64(cost)) || !m.bytes.AllowN(now, bytes)
}

// mayAnswer takes answers that the importer may still give. They do not gather while nobody asks.
func (m *meter) mayAnswer(cost uint64) bool {
	told := m.told()
	m.answers, m.seen = min(m.answers+told-m.seen, maxCost), told
	if m.answers < cost {
		return false
	}
	m.answers -= cost
	return true
}

// Hear is Subscribe for what an importer says. f returns what the message costs beyond 1, which it
// costs to hear any. One that costs too much is put out for some seconds.
func (l *Line) Hear(f func(*nats.Msg) (cost int)) error {
	said := newMeter(l.told)
	subscription, err := l.Subscribe(FromReader(l.peer, l.server.Name()), func(m *nats.Msg) {
		if l.marks.passes(m.Data) {
			return
		}
		now := time.Now()
		if said.exceeds(now, 1, len(m.Data)) || said.exceeds(now, f(m), 0) {
			l.server.expel(l.peer, tooMuch)
		}
	})
	if err == nil {
		err = subscription.SetPendingLimits(maxUnheardMessages, maxUnheardBytes)
	}
	return err
}

// Why an importer is put out. It ends in staysOut.
const (
	staysOut = ", and stays out for "
	tooMuch  = "%s says too much, or what makes no sense" + staysOut + "%v"
	tooNoisy = "%s sends too much that is no message" + staysOut + "%v"
	tooSlow  = "%s asks for more than it reads" + staysOut + "%v"
)

// expel closes the links of an importer, and lets it make no other for a while. It is an error, so
// that nothing else that the importer causes hides it in the log.
func (s *Server) expel(importer, why string) {
	if !s.currentSpec().sockets.shut(importer, time.Now().Add(expelledFor)) {
		return // what it said before it was
	}
	s.log.tellOf(importer, slog.LevelError, why, []any{importer, expelledFor})
	for _, link := range s.leafs(readerAccount(importer)) {
		s.log.endings.set(link.ID, fmt.Sprintf(why, importer, expelledFor))
		s.close(link)
	}
}
