package leaf

import (
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// What an importer may say in a second, and what may wait of it. One that answers for 400,000 events a second
// says some 1,000 messages with 8 MB.
const (
	maxSaidMessages = 20_000
	maxSaidBytes    = 32 << 20
	maxUnheard      = 4 << 20
)

// expelledFor is how long an importer stays out that said too much: the handshakes of one that dials at
// once would cost as much as what it says.
const expelledFor = 5 * time.Second

// meter bounds what one subscription hears. It is for the subscription's goroutine.
type meter struct {
	second          time.Time
	messages, bytes int
}

// exceeds counts a message, and reports whether there are too many.
func (m *meter) exceeds(now time.Time, bytes int) bool {
	if now.Sub(m.second) >= time.Second {
		*m = meter{second: now}
	}
	m.messages, m.bytes = m.messages+1, m.bytes+bytes
	return m.messages > maxSaidMessages || m.bytes > maxSaidBytes
}

// Hear is Subscribe for what an importer says. One that says too much is put out for some seconds.
func (l *Line) Hear(f nats.MsgHandler) error {
	var said meter
	subscription, err := l.Subscribe(FromReader(l.peer, l.server.Name()), func(m *nats.Msg) {
		if l.marks.passes(m.Data) {
			return
		}
		if said.exceeds(time.Now(), len(m.Data)) {
			l.server.expel(l.peer)
			return
		}
		f(m)
	})
	if err == nil {
		err = subscription.SetPendingLimits(-1, maxUnheard)
	}
	return err
}

// expel closes the links of an importer, and lets it make no other for a while.
func (s *Server) expel(importer string) {
	if !s.currentSpec().sockets.shut(importer, time.Now().Add(expelledFor)) {
		return // what it said before it was
	}
	s.log.tellOf(importer, slog.LevelWarn, "%s says too much, and stays out for %v", []any{importer, expelledFor})
	s.CutImporter(importer)
}
