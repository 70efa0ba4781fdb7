package outbox

import (
	"testing"

	"pgregory.net/rapid"
)

// Numbers rise with the events, tell message and place, and a message is taken with its last event.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequence := rapid.Uint64Range(1, 1<<55).Draw(t, "sequence")
		events := rapid.IntRange(1, 256).Draw(t, "events")
		index := rapid.IntRange(0, events-1).Draw(t, "index")
		number := numberOf(sequence, index, events)
		if sequenceOf(number) != sequence || indexOf(number, events) != index {
			t.Errorf("event %d of %d of message %d is %d: message %d, event %d", index, events, sequence, number, sequenceOf(number), indexOf(number, events))
		}
		if number <= lastNumber(sequence-1) || number > lastNumber(sequence) {
			t.Errorf("%d is not between the last of the messages before and its own", number)
		}
		want := sequence - 1
		if index == events-1 {
			want = sequence
		}
		if got := wholeUpTo(number); got != want {
			t.Errorf("up to %d all messages up to %d are whole, not %d", number, want, got)
		}
		if got := wholeUpTo(number - 1); got != sequence-1 {
			t.Errorf("up to %d all messages up to %d are whole, not %d", number-1, sequence-1, got)
		}
		if other := rapid.IntRange(events+1, 512).Draw(t, "more"); indexOf(numberOf(sequence, 0, min(other, 256)), events) >= 0 && other > events && min(other, 256) > events {
			t.Error("a message has an event that it has no room for")
		}
	})
	if lastNumber(0) != 0 || wholeUpTo(0) != 0 || sequenceOf(1) != 0 {
		t.Error("before the first message is none")
	}
}
