package wire

import "testing"

// Of each golden event the label is what the event says.
func TestLabel(t *testing.T) {
	for _, v := range goldenVectors(t) {
		if id, key, ok := Label(v.event); !ok || id != v.envelope.ID || key != v.envelope.Key {
			t.Errorf("%s: %x %q %v", v.name, id, key, ok)
		}
	}
}

// FuzzLabel: a good event has a label, and it is what the event says.
func FuzzLabel(f *testing.F) {
	for _, v := range goldenVectors(f) {
		f.Add(v.event)
		f.Add(v.event[:len(v.event)/2])
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		id, key, ok := Label(event)
		if !ok && (key != "" || !id.IsZero()) {
			t.Errorf("not ok, and %x %q", id, key)
		}
		var e Envelope
		if DecodeEvent(event, &e) == nil && (!ok || id != e.ID || key != e.Key) {
			t.Errorf("%x %q %v, and the event says %x %q", id, key, ok, e.ID, e.Key)
		}
	})
}
