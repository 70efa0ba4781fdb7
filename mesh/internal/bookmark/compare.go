package bookmark

import "fmt"

// Place is what a node reads: the events of one type in one peer's outbox.
type Place struct {
	Peer    string // the peer's name
	Subject string // the event's type
}

// Mark is how far it was read.
type Mark struct {
	Stream   string // the identity of the stream; a stream made anew has another
	Sequence uint64 // remembered: the highest one that was handled; found: the last one in the stream
}

// Marks is all that a node remembers. The zero value is nothing.
type Marks map[Place]Mark

// Kind is what has become of a peer's outbox.
type Kind uint8

// What Compare can find.
const (
	Same     Kind = iota // the stream that we know, no shorter than when we read it
	New                  // nothing is remembered of this place, nor of the stream
	Wiped                // another stream stands where the one was that we know
	Restored             // the stream that we know has lost what we have handled: an old copy
	Renamed              // the stream is one that we know under another peer's name
)

var kinds = [...]string{"same", "new", "wiped", "restored", "renamed"}

// String gives the kind in one word, for logs.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// Finding is what Compare found at a place.
type Finding struct {
	Kind  Kind
	Place Place
	Found Mark
	// Was is what is remembered: of the place, or if Renamed of the other one. Zero
	// if New.
	Was Mark
	// From is the other peer's name if Renamed.
	From string
}

// Compare says what has become of the outbox at a place since the marks were
// made.
//
// A stream that is known under another peer's name is Renamed also if this place
// is remembered with a stream of its own: the name then moved to another node's
// data. One that is known at this place is never Renamed, whoever has it besides:
// a copy of a data directory is told of where it is found first.
func Compare(remembered Marks, at Place, found Mark) Finding {
	f := Finding{Place: at, Found: found}
	was, known := remembered[at]
	f.Was = was
	switch from, other := remembered.elsewhere(at, found.Stream); {
	case known && was.Stream == found.Stream && found.Sequence >= was.Sequence:
		f.Kind = Same
	case known && was.Stream == found.Stream:
		f.Kind = Restored
	case from != "":
		f.Kind, f.From, f.Was = Renamed, from, other
	case known:
		f.Kind = Wiped
	default:
		f.Kind = New
	}
	return f
}

// elsewhere finds the other peer that the stream belonged to, and the mark of the
// same event type there; without one, a mark that says only which stream it was.
// Of several such peers it is the first by name.
func (m Marks) elsewhere(at Place, stream string) (peer string, mark Mark) {
	for place, was := range m {
		if was.Stream == stream && place.Peer != at.Peer && (peer == "" || place.Peer < peer) {
			peer = place.Peer
		}
	}
	if mark = m[Place{peer, at.Subject}]; mark.Stream != stream {
		mark = Mark{Stream: stream}
	}
	return peer, mark
}

// String says what was found and what it means, for a person.
func (f Finding) String() string {
	peer, subject := f.Place.Peer, f.Place.Subject
	switch f.Kind {
	case Same:
		return fmt.Sprintf("the outbox of %s is the one we know; we have handled its %s up to %d of %d", peer, subject, f.Was.Sequence, f.Found.Sequence)
	case New:
		return fmt.Sprintf("we have not read the outbox of %s for %s before; we take all that it holds", peer, subject)
	case Wiped:
		return fmt.Sprintf("the outbox of %s was wiped: it is a new one (%.40q, was %.40q). Events of %s that we had not handled when it was wiped are lost to us; "+
			"we had handled those up to %d, and take all that the new one holds", peer, f.Found.Stream, f.Was.Stream, subject, f.Was.Sequence)
	case Restored:
		return fmt.Sprintf("the outbox of %s was restored from an old copy: it ends at %d, and we have handled %s up to %d. "+
			"New events get numbers that we have seen already; we must not take them for old ones", peer, f.Found.Sequence, subject, f.Was.Sequence)
	case Renamed:
		text := fmt.Sprintf("the outbox of %s is the one that we know as that of %s: the node was renamed, or runs on a copy of the other's data. "+
			"If both run, each event can come twice", peer, f.From)
		if f.Was.Sequence > f.Found.Sequence {
			text += fmt.Sprintf("; it is an old copy, too: it ends at %d, and we have handled %s up to %d", f.Found.Sequence, subject, f.Was.Sequence)
		}
		return text
	default:
		return f.Kind.String()
	}
}
