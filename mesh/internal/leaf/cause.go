package leaf

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server"

	"leafmesh/mesh/stats"
)

// causes tell by what was logged about a link why it is down. The first that is found counts.
var causes = []struct {
	contains string
	cause    stats.Cause
	says     string // instead of the text; empty: the text itself
}{
	{duplicateLink, stats.TwoAsOne, "another process runs with this node's name and key: give each its own"},
	{errOtherNode.Error(), stats.WrongServer, ""},
	{errNoHandshake.Error(), stats.WrongServer, ""},
	{otherName, stats.WrongServer, ""},
	{"Leafnode parser ERROR", stats.WrongServer, "what answers there does not speak NATS"},
	{errRefused.Error(), stats.KeyRefused, ""},
	{errExpelled.Error(), stats.KeyRefused, ""},
	{errAgain.Error(), stats.KeyRefused, ""},
	{staysOut, stats.PutOut, ""},
	{notDialed, stats.PutOut, ""},
	{"Authorization Violation", stats.KeyRefused, ""},
	{"failed to verify certificate", stats.Untrusted, ""},
	{"Authentication Expired", stats.KeyRefused, ""},
	{"Authentication Revoked", stats.KeyRefused, ""},
	{credentialsField, stats.KeyRefused, ""},
	{"certificate", stats.KeyRefused, ""},
	{"Maximum Payload", stats.TooLarge, "a message is larger than the peer's max_payload: give both nodes the same"},
	{server.MaxPayloadExceeded.String(), stats.TooLarge, "the peer sent a message larger than max_payload: give both nodes the same"},
	{"lookup ", stats.Unreachable, ""},
	{"no such host", stats.Unreachable, ""},
	{server.StaleConnection.String(), stats.Dead, "it answers no pings"},
	{errNoAnswer.Error(), stats.Dead, ""},
	{"Error trying to connect", stats.Dead, ""},
	{server.Kicked.String(), stats.TakenBack, "this node closed the link: the peer, its key or its right was taken back"},
	{server.ReadError.String(), stats.Ended, endedThere},
	{server.WriteError.String(), stats.Ended, endedThere},
	{server.ClientClosed.String(), stats.Ended, endedThere},
}

// peerError is what nats-server writes before what the other end says is wrong with a link.
const peerError = "Leafnode Error"

// handshakeCut is what is written of a handshake that the network ended, as when a peer stops.
var handshakeCut = regexp.MustCompile(`handshake error: (read tcp|write tcp|EOF|unexpected EOF)`)

const endedThere = "the connection was closed at the other end, or on the way"

// causeOf tells why a link is down of which a text was logged, and says it for people.
func causeOf(text string) (stats.Cause, string) {
	if text == "" {
		return stats.Unknown, ""
	}
	if handshakeCut.MatchString(text) {
		return stats.Ended, endedThere
	}
	for _, c := range causes {
		if strings.Contains(text, c.contains) {
			if c.says != "" {
				text = c.says
			}
			return c.cause, text
		}
	}
	return stats.Unknown, text
}

// endings remember why the last links ended, by their numbers.
type endings struct {
	mu    sync.Mutex
	why   map[uint64]string // guarded by mu
	order []uint64          // guarded by mu: the oldest first
}

// maxEndings is how many are remembered: somebody looks several times a second.
const maxEndings = 512

// linkNumber finds the number of a link in a line of nats-server.
var linkNumber = regexp.MustCompile(`lid:(\d+)`)

// note remembers why the link ended that a line begins with. What is said first counts: the rest
// follows from it.
func (e *endings) note(line, why string) {
	found := linkNumber.FindStringSubmatch(line)
	if found == nil {
		return
	}
	if number, err := strconv.ParseUint(found[1], 10, 64); err == nil {
		e.set(number, why)
	}
}

// set is note for a link of a number.
func (e *endings) set(number uint64, why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.why == nil {
		e.why = map[uint64]string{}
	}
	if _, known := e.why[number]; known {
		return
	}
	if len(e.order) == maxEndings {
		delete(e.why, e.order[0])
		e.order = e.order[1:]
	}
	e.why[number], e.order = why, append(e.order, number)
}

// of is why a link ended; "" if that is not known.
func (e *endings) of(number uint64) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.why[number]
}

// Down says why the line has no link now.
func (l *Line) Down() (stats.Cause, string) {
	trouble := ""
	switch {
	case l.account == hubAccount:
		trouble = l.server.HubTrouble()
	case l.isDialed():
		trouble = l.server.Trouble(l.peer)
	}
	if trouble == "" {
		trouble = l.server.log.endings.of(l.link.Load())
	}
	return causeOf(trouble)
}

// Dials reports whether this node is to dial the peer, or the hub, and so waits for the link.
func (l *Line) Dials() bool {
	remote, known := l.server.remote(l.peer)
	return l.account == hubAccount || l.isDialed() && known && remote.URL != ""
}

func (l *Line) isDialed() bool { return l.account == exporterAccount(l.peer) }

// Settled forgets what kept a link from being made, now that it is up.
func (l *Line) Settled() {
	hub := l.server.currentSpec().Hub
	if l.account == hubAccount && hub != nil {
		l.server.log.forget(hub.addresses()...)
	}
	if remote, dialed := l.server.remote(l.peer); dialed && l.isDialed() {
		l.server.log.forget(remote.address())
	}
}
