package meshtest

import (
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh"
)

// Recorded returns every event recorded on a node so far, in order.
func (m *Mesh) Recorded(node string) []Received[mesh.Any] {
	m.t.Helper()
	return m.recorder(m.t, node).all()
}

// Events returns the events of a type recorded on a node so far, in order. The
// event's Go type may be any that the subject's values decode into: a service's
// own view of what it imports. The test fails if one does not.
func Events[T any](t testing.TB, m *Mesh, node string, event *mesh.Event[T]) []Received[T] {
	t.Helper()
	got, err := appendOf(nil, event, m.recorder(t, node).all())
	if err != nil {
		t.Fatalf("meshtest: events of %s: %v", node, err)
	}
	return got
}

// Await waits until enough says so of the events of a type recorded on a node,
// and returns them. enough is asked at once and after each event that the node
// records; it must not change what it is given. When the time limit is over the
// test fails with what was recorded.
//
// What was recorded was delivered. Use [Mesh.Settle] to wait for handlers.
func Await[T any](t testing.TB, m *Mesh, node string, event *mesh.Event[T], enough func([]Received[T]) bool) []Received[T] {
	t.Helper()
	r := m.recorder(t, node)
	timer := time.NewTimer(m.limit)
	defer timer.Stop()
	var got []Received[T]
	for seen := 0; ; {
		fresh, changed := r.since(seen)
		seen += len(fresh)
		var err error
		if got, err = appendOf(got, event, fresh); err != nil {
			t.Fatalf("meshtest: await %s on %s: %v", event.Subject(), node, err)
		}
		if enough(got) {
			return got
		}
		select {
		case <-changed:
		case <-timer.C:
			t.Fatalf("meshtest: await %s on %s: not enough after %v\n%s", event.Subject(), node, m.limit, seenOn(m, r, event.Subject(), got))
		}
	}
}

// AwaitCount waits until at least n events of a type are recorded on a node, and
// returns them; see [Await].
func AwaitCount[T any](t testing.TB, m *Mesh, node string, event *mesh.Event[T], n int) []Received[T] {
	t.Helper()
	return Await(t, m, node, event, func(got []Received[T]) bool { return len(got) >= n })
}

func (m *Mesh) recorder(t testing.TB, node string) *recorder {
	t.Helper()
	r := m.recorders[node]
	if r == nil {
		t.Fatalf("meshtest: no node is named %q", node)
	}
	return r
}

// appendOf appends the events of a type to got, each as a T.
func appendOf[T any](got []Received[T], event *mesh.Event[T], events []Received[mesh.Any]) ([]Received[T], error) {
	for _, e := range events {
		if e.Header.Subject() != event.Subject() {
			continue
		}
		value, ok := e.Value.Value().(T) // as it was emitted, without the codec check
		if !ok {
			if err := e.Value.Decode(&value); err != nil {
				return nil, fmt.Errorf("%s %s: %w", e.Header.Subject(), e.Header.ID, err)
			}
		}
		got = append(got, Received[T]{e.Header, value})
	}
	return got, nil
}
