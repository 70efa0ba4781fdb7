package outbox

import (
	"bytes"
	"testing"

	"leafmesh/mesh/internal/wire"
)

// FuzzEventsOf: whatever lies in the stream is one or more events with numbers that lead back to
// them, and none of its bytes are lost.
func FuzzEventsOf(f *testing.F) {
	one, two := eventOf(1, "k", "one"), eventOf(2, "", "two")
	f.Add(uint64(1), wire.AppendContainer(nil, one))
	f.Add(uint64(7), wire.AppendContainer(nil, one, two, []byte("no event")))
	f.Add(uint64(9), []byte("garbage"))
	f.Add(uint64(9), []byte(nil))
	f.Fuzz(func(t *testing.T, sequence uint64, message []byte) {
		sequence = sequence%(1<<50) + 1
		events := eventsOf(sequence, taken+".k1", message)
		if len(events) == 0 || len(events) > wire.MaxContainerEvents {
			t.Fatalf("%d events", len(events))
		}
		for i, e := range events {
			if sequenceOf(e.Sequence) != sequence || indexOf(e.Sequence, len(events)) != i || e.Bytes != len(e.message) {
				t.Errorf("event %d of %d: %+v", i, len(events), e.Entry)
			}
		}
		if split, err := wire.SplitStored(message, nil); err != nil && !bytes.Equal(events[0].message, message) ||
			err == nil && len(split) != len(events) {
			t.Errorf("%d events of %d, %v", len(events), len(split), err)
		}
	})
}
