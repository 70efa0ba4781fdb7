package health

import (
	"time"

	"leafmesh/mesh/stats"
)

// Link is a link as it is at a moment.
type Link struct {
	Peer string
	// Dialed says that this node is to dial it, and so misses it. One that a peer dials may never
	// come.
	Dialed bool
	// Number is that of the link that is up; 0: it is down.
	Number uint64
	// Bidden says that the peer has said goodbye: it ends, and nothing is wrong.
	Bidden bool
	// Cause and Why say why it is down.
	Cause stats.Cause
	Why   string
}

// News says what became of a link.
type News struct {
	Link
	Event Event
	// Down is how long it has been down, or was.
	Down time.Duration
}

// Event is what can become of a link.
type Event uint8

// What can become of a link.
const (
	Up      Event = iota // for the first time
	Down                 // it was up, and is not
	Never                // it should be up, and never was
	Still                // it is down for another reason than before
	Back                 // it is up again
	Flapped              // it was down, and is up again before that was told
)

const (
	// settle is how long the cause of a link that is down may be open until that is told: of a
	// process that is killed it is first known that the link ended, and then that nobody listens
	// there.
	settle = 1500 * time.Millisecond
	// patience is how long a link may take that never was up.
	patience = 2 * time.Second
)

// Links are all links of a node. The zero value is ready to use. It is for one goroutine.
type Links struct{ known map[key]*state }

type key struct {
	peer   string
	dialed bool
}

// state is what is known of a link.
type state struct {
	number uint64
	since  time.Time // when it came up, or went down, or was seen first
	was    bool      // it was up once
	told   bool      // that it is down
	cause  stats.Cause
	why    string
}

// Since is when a link came up, or went down, and why; zero for one that never was up.
func (l *Links) Since(peer string, dialed bool) (since time.Time, cause stats.Cause, why string) {
	s := l.known[key{peer, dialed}]
	if s == nil || !s.was {
		return time.Time{}, stats.Unknown, ""
	}
	return s.since, s.cause, s.why
}

// Look takes the links as they are at a moment, all of them, and gives what is to be told.
func (l *Links) Look(now time.Time, present []Link) (news []News) {
	if l.known == nil {
		l.known = map[key]*state{}
	}
	still := map[key]*state{}
	for _, link := range present {
		k := key{link.Peer, link.Dialed}
		s := l.known[k]
		if s == nil {
			s = &state{since: now}
		}
		still[k] = s
		if event, down, tell := s.look(now, &link); tell {
			news = append(news, News{link, event, down})
		}
	}
	l.known = still
	return news
}

func (s *state) look(now time.Time, link *Link) (event Event, down time.Duration, tell bool) {
	if link.Number != 0 {
		return s.up(now, link)
	}
	if s.number != 0 {
		s.number, s.since, s.told, s.cause = 0, now, false, ""
	}
	down = now.Sub(s.since)
	switch {
	case s.told:
		if link.Cause == s.cause || link.Cause == stats.Unknown || link.Cause == stats.Ended || link.Bidden {
			return 0, 0, false
		}
		event = Still
	case s.was:
		if isOpen(link.Cause) && down < settle && !link.Bidden {
			return 0, 0, false
		}
		event = Down
	case !link.Dialed || down < patience:
		return 0, 0, false
	default:
		event = Never
	}
	s.told, s.cause, s.why = true, link.Cause, link.Why
	return event, down, true
}

// isOpen reports whether more may be known soon.
func isOpen(c stats.Cause) bool { return c == stats.Unknown || c == stats.Ended }

func (s *state) up(now time.Time, link *Link) (event Event, down time.Duration, tell bool) {
	if s.number == link.Number {
		return 0, 0, false
	}
	event = Back
	switch {
	case !s.was:
		event = Up
	case s.number == 0: // else it broke and came back between two looks
		down = now.Sub(s.since)
		fallthrough
	default:
		if !s.told {
			event = Flapped
		}
	}
	link.Cause, link.Why = s.cause, s.why
	*s = state{number: link.Number, since: now, was: true}
	return event, down, true
}
