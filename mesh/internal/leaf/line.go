package leaf

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Line is the process's connection into the account of one link. Nobody but the peer at the
// other end hears what is published there, or publishes what is heard. Its methods may be
// called from several goroutines at once.
type Line struct {
	server  *Server
	peer    string
	account Account
	conn    *nats.Conn

	live atomic.Pointer[server.Account]
	link atomic.Uint64 // the number of the link that was there when Link looked last

	closed atomic.Bool // by Close

	marks marks
	room  *room // apart: it changes with each message, and others look at what is above
}

// lineBuffer is how many bytes gather before Publish writes them to the server in this process:
// each message at once. What goes over a line is a container of all that waited. With 32 KiB a
// message waited for a goroutine of nats.go that writes: a durable event took 1.16 times as long as
// in raw JetStream, and 1.09 times without.
const lineBuffer = 1

// ToReader opens the line to an importer. There may be one at a time. Stop closes it. Errors:
// ErrStopped, ErrUnknownPeer, and what nats.go says.
func (s *Server) ToReader(importer string) (*Line, error) {
	return s.line(importer, readerAccount(importer))
}

// ToExporter opens the line to a Remote: see [Server.ToReader].
func (s *Server) ToExporter(exporter string) (*Line, error) {
	return s.line(exporter, exporterAccount(exporter))
}

func (s *Server) line(peer string, account Account) (*Line, error) {
	live, err := s.nats.LookupAccount(string(account))
	if err != nil {
		return nil, fmt.Errorf("line to %s: %w", peer, ErrUnknownPeer)
	}
	l := &Line{server: s, peer: peer, account: account, room: &room{}}
	l.live.Store(live)
	l.conn, err = s.Connect(account, nats.WriteBufferSize(lineBuffer))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[account] = l
	return l, nil
}

// Peer is the name of the node at the other end.
func (l *Line) Peer() string { return l.peer }

// Hears reports whether the peer is linked and listens to the subject. It costs 80 ns and no
// allocation. After Stop nobody listens.
func (l *Line) Hears(subject string) bool { return l.live.Load().SubscriptionInterest(subject) }

// Link reports whether the link is up, and its number: a new link has another one. While the
// link stays it takes two locks that are seldom held.
func (l *Line) Link() (number uint64, up bool) {
	if number = l.link.Load(); number != 0 && l.server.nats.GetLeafNode(number) != nil {
		return number, true
	}
	if l.live.Load().NumLeafNodes() == 0 {
		return 0, false
	}
	for _, info := range l.server.leafs(l.account) {
		if l.server.isTo(l, info) {
			l.link.Store(info.ID)
			return info.ID, true
		}
	}
	return 0, false
}

// Publish sends a message, which may be changed afterwards. While no link is up it goes
// nowhere.
func (l *Line) Publish(subject string, message []byte) error {
	l.room.published.Add(int64(len(message)))
	return l.conn.Publish(subject, message)
}

// told is how many messages were sent over the line.
func (l *Line) told() uint64 { return l.conn.Stats().OutMsgs }

// Subscribe lets f hear what the peer publishes, one message at a time, on a goroutine of the
// subscription.
func (l *Line) Subscribe(subject string, f nats.MsgHandler) (*nats.Subscription, error) {
	return l.conn.Subscribe(subject, f)
}

// Flush is [Flush] for the line. The nil Line has nothing to flush, and neither has one that was
// closed: the peer at its end was removed.
func (l *Line) Flush(ctx context.Context) error {
	if l == nil {
		return nil
	}
	err := Flush(ctx, l.conn)
	if l.closed.Load() {
		return nil
	}
	return err
}

// Close ends the connection, after which another line may be opened. The nil Line has none.
func (l *Line) Close() {
	if l == nil {
		return
	}
	l.closed.Store(true)
	l.conn.Close()
	s := l.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines[l.account] == l {
		delete(s.lines, l.account)
	}
}
