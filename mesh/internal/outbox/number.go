package outbox

// A message of the stream holds up to 256 events. An event's number tells its message and its place
// there, and is what readers and the file of floors know of it: the message's sequence, and in the
// lowest byte the place, counted so that the last of each message has 255. So the numbers rise with
// the events, and whoever has taken an event with 255 has taken its whole message.
const (
	placeBits = 8
	lastPlace = 1<<placeBits - 1
)

// numberOf is the number of an event of a message, counted from 0, of so many.
func numberOf(sequence uint64, index, events int) uint64 {
	return (sequence+1)<<placeBits - uint64(events-index)
}

// lastNumber is the number of the last event of a message, or 0 if there is no message (0).
func lastNumber(sequence uint64) uint64 {
	if sequence == 0 {
		return 0
	}
	return sequence<<placeBits | lastPlace
}

// sequenceOf is the sequence of an event's message.
func sequenceOf(number uint64) uint64 { return number >> placeBits }

// indexOf is an event's place in its message of so many events, counted from 0. It is below 0 if
// the message has no such event.
func indexOf(number uint64, events int) int { return events - 1 - int(lastPlace-number&lastPlace) }

// wholeUpTo is the sequence of the last message all of whose events have numbers up to this one.
func wholeUpTo(number uint64) uint64 {
	if number < lastPlace {
		return 0
	}
	return (number+1)>>placeBits - 1
}
