package mesh_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

func TestRelaySaysHowFarItCame(t *testing.T) {
	gate := make(chan struct{})
	h, begun := gatedHandler("slow", stepTaken, gate, mesh.Queue(2))
	n := openHandlers(t, h)
	var events []mesh.Staged
	for i := range 5 {
		events = append(events, stage(t, n.Context(t.Context()), stepTaken, step{"a", i}))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	relayed, err := n.Relay(ctx, events...)
	if relayed != 2 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), events[2].ID.String()) {
		t.Fatalf("%d relayed, %v; want 2 and the third event's id", relayed, err)
	}
	close(gate)
	relay(t, n, events[relayed:]...)
	for i := range events {
		if got := receive(t, begun); got.N != i {
			t.Errorf("event %d came in place of %d", got.N, i)
		}
	}
	finish(t, n)
	relayed, err = n.Relay(t.Context(), events...)
	if relayed != 0 || !errors.Is(err, mesh.ErrClosed) {
		t.Errorf("closed: %d relayed, %v; want ErrClosed", relayed, err)
	}
}

func TestRelayRefusesWhatIsDamagedOrFromElsewhere(t *testing.T) {
	n := openHandlers(t, stepTaken.Handle("log", ignore))
	other := openAll(t, clueNode("clue-1"))[0]
	elsewhere, err := clueSolved.Stage(other.Context(t.Context()), solved{Team: "a"})
	if err != nil {
		t.Fatal(err)
	}
	good := stage(t, n.Context(t.Context()), stepTaken, step{"a", 1})
	changed := func(change func([]byte) []byte) mesh.Staged {
		return mesh.Staged{ID: good.ID, Message: change(bytes.Clone(good.Message))}
	}
	for name, test := range map[string]struct {
		event mesh.Staged
		want  string
	}{
		"of another node":  {elsewhere, "node clue-1 has staged it and this is node core-1"},
		"empty":            {mesh.Staged{ID: good.ID}, "cut short"},
		"cut short":        {changed(func(m []byte) []byte { return m[:len(m)-1] }), "promised"},
		"another version":  {changed(func(m []byte) []byte { m[1] = 9; return m }), "unknown wire version"},
		"another's id":     {mesh.Staged{ID: elsewhere.ID, Message: good.Message}, "is that of event " + good.ID.String()},
		"a broken payload": {changed(func(m []byte) []byte { m[len(m)-1] = 0xff; return m }), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			relayed, err := n.Relay(t.Context(), good, test.event, good)
			if relayed != 1 || !errors.Is(err, mesh.ErrUnrelayable) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.event.ID.String()) {
				t.Errorf("%d relayed, %v; want 1 and %q", relayed, err, test.want)
			}
		})
	}
	finish(t, n)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler log", "", 6)
}

// A node that was opened again relays what the one before has staged, also of
// types that it has not seen yet.
func TestRelayAfterARestart(t *testing.T) {
	first := openHandlers(t)
	staged := stage(t, first.Context(t.Context()), stepTaken, step{"a", 1})
	finish(t, first)
	second := openHandlers(t)
	relay(t, second, staged)
	wantCount(t, second, stepTaken.Subject(), stats.Admitted, "", "", 1)
}

// Over two links: what a handler of an imported event stages keeps its cascade.
func TestARelayedEventCrossesALink(t *testing.T) {
	awarded := mesh.NewEvent[solved]("score.points.relayed", mesh.Key(teamOf))
	staged := make(chan mesh.Staged, 1)
	score := scoreNode("score-1", mesh.Shared, func(ctx context.Context, s solved) error {
		one, err := awarded.Stage(ctx, s)
		staged <- one
		return err
	})
	score.Exports = []mesh.Export{awarded.Export(mesh.Limit{})}
	got := make(chan mesh.Header, 1)
	feed := mesh.Config{Name: "feed-1", Imports: []mesh.Import{awarded.Import(mesh.Limit{}, mesh.Shared)},
		Handlers: []mesh.Handler{awarded.Handle("show", func(ctx context.Context, _ solved) error {
			h, _ := mesh.HeaderOf(ctx)
			got <- h
			return nil
		})}}
	nodes := openAll(t, clueNode("clue-1"), score, feed)
	emit(t, nodes[0], clueSolved, solved{Team: "otters"})
	one := receive(t, staged)
	relay(t, nodes[1], one)
	h := receive(t, got)
	want := "clue-1:clue.clue.solved → score-1:score.points.relayed"
	if h.ID != one.ID || h.Key != "otters" || strings.Join(h.Path(), " → ") != want {
		t.Errorf("%s has path %v, want %s with %s", h.ID, h.Path(), one.ID, want)
	}
}
