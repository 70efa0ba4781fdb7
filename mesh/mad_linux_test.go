package mesh_test

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/race"
)

// What a mad peer may cost, beside what the victim costs without it. One that is put out costs
// nothing more for 10 s: see leaf.expelledFor.
const (
	madFor        = 3 * time.Second
	madShare      = 0.05
	madOutFor     = 10 * time.Second
	madMemory     = 10 << 20
	madLinesOfLog = 20
)

// attacked starts a victim, has score-1 import from it, lets somebody attack it for a while, and
// checks what that cost: nobody else's events, little memory, little time of the processor, few
// lines of the log. want is what the log has of it.
func attacked(t *testing.T, s victimSpec, want string, attack func(ctx context.Context, v *victim)) {
	t.Helper()
	seed, key := keyPair(t)
	goodSeed, goodKey := keyPair(t)
	s.Seed, s.Good = seed, goodKey
	v := startVictim(t, s)
	var got inOrder
	score := scoreNode("score-1", mesh.Shared, got.add)
	score.Seed, score.Peers = mesh.NewSecret(goodSeed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + v.address, Key: key}}
	good := openNode(t, score)
	if err := good.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	measure := func(during func()) (processor time.Duration, memory int) {
		before := v.processor(t)
		v.memory(t)
		during()
		return v.processor(t) - before, v.memory(t)
	}
	lasts, most := cmp.Or(s.Lasts, madFor), cmp.Or(s.Memory, madMemory)
	calm, least := measure(func() { time.Sleep(lasts / 4) })
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	processor, memory := measure(func() { attack(ctx, v); <-ctx.Done() })
	processor -= 4 * calm
	over, log := lasts, v.logged(t)
	if strings.Contains(log, "stays out for") || strings.Contains(log, "is not dialed for") {
		over = max(lasts, madOutFor)
	}
	share := processor.Seconds() / over.Seconds()
	t.Logf("%.3f of a processor, %.1f MB", share, float64(memory-least)/1e6)
	if share > cmp.Or(s.Share, madShare) && !race.Enabled {
		t.Errorf("%v of a processor in %v", processor, over)
	}
	if memory-least > most {
		t.Errorf("%d bytes more", memory-least)
	}
	last, missing := got.last()
	await(t, "events after the attack", func() bool { now, _ := got.last(); return now > last+10 })
	if missing > 0 {
		t.Errorf("%d events of another peer are missing", missing)
	}
	if links := good.Stats().Links; len(links) != 1 || !links[0].Connected {
		t.Errorf("links %+v", links)
	}
	if !strings.Contains(log, want) || strings.Count(log, "\n") > madLinesOfLog {
		t.Errorf("no %q, or too much, in the log:\n%s", want, log)
	}
}

// inOrder looks whether events are missing.
type inOrder struct {
	mu      sync.Mutex
	number  int64 // of the last event; 0 before the first
	missing int64
}

func (o *inOrder) add(_ context.Context, s solved) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.number > 0 {
		o.missing += s.At - o.number - 1
	}
	o.number = s.At
	return nil
}

func (o *inOrder) last() (number, missing int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.number, o.missing
}
