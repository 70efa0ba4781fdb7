package outbox

// reader is a service that takes the messages of a type, as it was seen.
type reader struct {
	exists bool   // its consumer was made, and is as it has to be
	acked  uint64 // every message of its type up to this sequence was taken
}

// floor is the sequence up to which everybody has taken a type. last is that of the
// stream, seen before the readers were; newest is that of the type's newest message.
// Somebody who never came has taken nothing.
//
// That a consumer has taken all follows from newest alone. The server's counts of
// what waits can not be used: for a moment after a consumer was made they are 0.
func floor(last, newest uint64, readers []reader) uint64 {
	low := last
	for _, r := range readers {
		switch {
		case !r.exists:
			return 0
		case r.acked < newest:
			low = min(low, r.acked)
		}
	}
	return low
}

// span is the messages of a subject, or all (""), up to a sequence.
type span struct {
	subject string
	upTo    uint64
}

// plan says what to remove from a stream that begins with first, given the floor of
// each type. What all have
// taken goes in one cut, which is cheap; then what is taken of each type above it.
// done remembers how far each type has been cut, and is brought up to date.
func plan(first uint64, floors []span, done map[string]uint64) []span {
	if len(floors) == 0 {
		return nil
	}
	low := floors[0].upTo
	for _, f := range floors {
		low = min(low, f.upTo)
	}
	var purges []span
	if low >= first {
		purges = append(purges, span{upTo: low})
	}
	for _, f := range floors {
		if f.upTo > max(low, done[f.subject]) {
			purges = append(purges, f)
		}
		done[f.subject] = max(done[f.subject], f.upTo)
	}
	return purges
}
