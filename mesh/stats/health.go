package stats

import "time"

// Health is whether a node does now what it is there for, and what keeps it from that.
type Health struct {
	// Ready says that there are no problems.
	Ready bool `json:"ready"`
	// Problems are in a fixed order: by what they are about, the peer and the type.
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one thing that keeps a node from being ready.
type Problem struct {
	About About  `json:"about"`
	Peer  string `json:"peer,omitempty"`
	Type  string `json:"type,omitempty"`
	// Cause is why a link is down; empty for all else.
	Cause Cause `json:"cause,omitempty"`
	// Text says what is wrong, for people, with the remedy where there is one.
	Text string `json:"text"`
	// Final says that it does not end by waiting: somebody has to change something.
	Final bool `json:"final,omitempty"`
}

// About is what a problem is about.
type About string

// What problems are about.
const (
	AboutLink    About = "link"    // a link over which the node imports is down
	AboutImport  About = "import"  // an exporter does not serve an import
	AboutWire    About = "wire"    // a peer speaks another version of the wire
	AboutBacklog About = "backlog" // what the outbox keeps for a service has waited for too long
	AboutOutbox  About = "outbox"  // the outbox takes no events: it is full, or its disk fails
	AboutClock   About = "clock"   // a peer's clock is far from this node's
	AboutService About = "service" // the program says so: see mesh.Node.AddCheck
	AboutClosing About = "closing" // the node ends
)

// Cause is why a link is down.
type Cause string

// Why a link is down.
const (
	Unknown     Cause = "unknown"      // nothing is known yet
	Ended       Cause = "ended"        // the other end closed it, or what lies between the two did
	Dead        Cause = "dead"         // nobody answers there
	Unreachable Cause = "unreachable"  // the host's name leads nowhere
	KeyRefused  Cause = "key-refused"  // one end does not take what the other one proves
	WrongServer Cause = "wrong-server" // something else answers there
	Untrusted   Cause = "untrusted"    // the CA did not sign the other end's certificate, or it is for another name
	TooLarge    Cause = "payload"      // a message was larger than the other end's max_payload
	TwoAsOne    Cause = "two-as-one"   // another process has the node's name and key
	TakenBack   Cause = "taken-back"   // this node closed it: the peer may not have it any more
	PutOut      Cause = "put-out"      // this node closed it, and does not dial for some seconds: the peer costs too much
)

// LinkState is a link that changes: see Link.
type LinkState struct {
	// Since is when the link came up, or went down; zero if it never was up.
	Since time.Time `json:"since,omitzero"`
	// Cause and Why say why it is down.
	Cause Cause  `json:"cause,omitempty"`
	Why   string `json:"why,omitempty"`
	// TwoAsOne is when another process with this node's name and key last took the link over; zero
	// if none did. A link that has come back since is up.
	TwoAsOne time.Time `json:"two_as_one,omitzero"`
	// Version and Wire are those of the peer, as it says; empty and 0 if it has not said them.
	Version string `json:"version,omitempty"`
	Wire    uint64 `json:"wire,omitempty"`
	// Ahead is how far the peer's clock is ahead of this node's, and within how much that is known;
	// both 0 if it is not known. It is measured on links over which the node imports.
	Ahead       time.Duration `json:"ahead,omitempty"`
	AheadWithin time.Duration `json:"ahead_within,omitempty"`
}
