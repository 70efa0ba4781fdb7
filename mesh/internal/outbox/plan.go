package outbox

// floor is the sequence up to which everybody has taken a type. last is that of the
// stream, seen before the rest; newest is that of the type's newest message. handled is for each
// service the sequence up to which it has handled all of the type.
func floor(last, newest uint64, handled []uint64) uint64 {
	low := last
	for _, h := range handled {
		if h < newest {
			low = min(low, h)
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
