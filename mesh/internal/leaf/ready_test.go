package leaf

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

const solved, taken = "clue.clue.solved.*", "clue.hint.taken.*"

func TestReady(t *testing.T) {
	// An hour between beacons: only those sent because something changed count.
	clue := start(t, "clue-1", func(s *Spec) { s.Exports, s.tuning.beacon = []string{solved, taken}, time.Hour })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	in := score.connect(t, In)
	subscribe(t, in, solved, "score")
	score.ready(t, clue, solved)
	if !clue.Interested(Out, "clue.clue.solved.t1") || clue.Interested(Out, "clue.hint.taken.t1") {
		t.Error("the exporter's interest differs from what it said")
	}
	var missing *NotExportedError
	if err := score.Ready(t.Context(), "clue-1", []string{"clue.clue.opened.*"}); !errors.As(err, &missing) ||
		!slices.Equal(missing.Exports, []string{solved, taken}) {
		t.Errorf("exports as the exporter said them: %v", err)
	}
	// What is subscribed to later is told at once.
	subscribe(t, in, taken, "")
	score.ready(t, clue, solved, taken)

	if err := score.Ready(t.Context(), "hunt-1", nil); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("unknown peer: %v", err)
	}
	links := clue.Links()
	if len(links) != 1 || links[0].Peer != "score-1" || links[0].Direction != Inbound || !links[0].Proven ||
		!slices.Equal(links[0].Subjects, []string{solved, taken}) {
		t.Errorf("links of the exporter: %+v", links)
	}
}

// The link stays up when interest is not allowed; Ready tells why nothing comes.
func TestNotExported(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	in, out := score.connect(t, In), clue.connect(t, Out)
	secret := subscribe(t, in, "clue.answer.judged.*", "")
	wide := subscribe(t, in, "clue.>", "")
	box := subscribe(t, in, solved, "")

	err := score.Ready(timeout(t), "clue-1", []string{solved, "clue.answer.judged.*"})
	var missing *NotExportedError
	if !errors.Is(err, ErrNotExported) || !errors.As(err, &missing) || missing.Peer != "clue-1" || missing.Subject != "clue.answer.judged.*" {
		t.Fatalf("got %v", err)
	}
	score.ready(t, clue, solved)
	publish(t, out, "clue.answer.judged.t1", "private")
	publish(t, out, "clue.clue.solved.t1", "public")
	box.await(t, "clue.clue.solved.t1 public")
	if got := secret.all(); len(got) > 0 {
		t.Errorf("got what is not exported: %q", got)
	}
	// Within the importer a wide subscription matches what other interest brought.
	if got := wide.await(t, "clue.clue.solved.t1 public"); len(got) != 1 {
		t.Errorf("wide subscription: %q", got)
	}
	if log := clue.log.String() + score.log.String(); strings.Contains(log, "Violation") {
		t.Errorf("violation: %s", log)
	}
}

func TestReadyNamesWhatIsMissing(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	score.ready(t, clue)

	expired := func(peer string, subjects ...string) *NotReadyError {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		err := score.Ready(ctx, peer, subjects)
		var e *NotReadyError
		if !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		return e
	}
	if e := expired("clue-1", solved); !e.Connected || !slices.Equal(e.Missing, []string{solved}) || !strings.Contains(e.Error(), solved) {
		t.Errorf("interest: %v", e)
	}
	wrongName, gone := clue.remote(), Remote{Name: "gone-1", URL: "nats-leaf://127.0.0.1:1"}
	wrongName.Name = "hunt-1"
	if err := score.Link([]Remote{wrongName, gone}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "name of the server at the wrong URL", func() bool {
		return strings.Contains(expired("hunt-1").Error(), "named clue-1")
	})
	eventually(t, "a refused connection", func() bool {
		e := expired("gone-1")
		return !e.Connected && strings.Contains(e.Error(), "refused") && strings.Contains(e.Error(), "127.0.0.1:1")
	})
	if err := clue.Link(nil, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a rejected key", func() bool { return strings.Contains(expired("hunt-1").Error(), "Authorization Violation") })
}

// A length is not cut to what an int holds: 2^62 is 0 in 32 bits, and the list would be empty.
func TestABeaconThatPromisesTooMuch(t *testing.T) {
	for name, head := range map[string]string{"text": "\x01\x7B", "bytes": "\x02\x5B", "list": "\x05\x9B"} {
		message := "\xA1" + head + "\x40\x00\x00\x00\x00\x00\x00\x00"
		if b, err := decodeBeacon([]byte(message)); err == nil {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

// A beacon counts only with the nonce of a present link: one that a peer made up,
// or that belongs to a former link, changes nothing.
func TestBeaconOfAnotherLink(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	score.ready(t, clue)
	forged, err := cbor.Marshal(beacon{Exporter: "clue-1", Nonce: []byte("made up"), MaxPayload: 1, Exports: []string{solved}, Seen: []string{solved}})
	if err != nil {
		t.Fatal(err)
	}
	out := clue.connect(t, Out)
	for _, message := range [][]byte{forged, nil, []byte("\xff"), forged[:len(forged)-1]} {
		publish(t, out, BeaconSubject("score-1"), string(message))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var e *NotReadyError
	if err := score.Ready(ctx, "clue-1", []string{solved}); !errors.As(err, &e) {
		t.Errorf("forged beacon: %v", err)
	}
	score.Server.importer.mu.Lock()
	defer score.Server.importer.mu.Unlock()
	if n := len(score.Server.importer.beacons); n != 1 {
		t.Errorf("beacons of %d links are kept, of one", n)
	}
}

func TestReadyAgainAfterExporterRestart(t *testing.T) {
	s, clue := spec(t, "clue-1")
	s.Exports = []string{solved}
	clue.start(t, s)
	score := start(t, "score-1", nil)
	link(t, clue, score)
	box := subscribe(t, score.connect(t, In), solved, "")
	score.ready(t, clue, solved)
	s.Listen, s.Importers = clue.ListenAddr(), []Importer{score.importer()}
	if err := clue.Stop(timeout(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "link down", func() bool { return !score.Links()[0].Connected })
	clue.start(t, s)
	score.ready(t, clue, solved)
	publish(t, clue.connect(t, Out), "clue.clue.solved.t1", "again")
	box.await(t, "clue.clue.solved.t1 again")
}

// A larger limit on the exporter's side would let one message close the link.
func TestPayloadLimitMismatch(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports, s.MaxPayload = []string{solved}, 128<<10 })
	score := start(t, "score-1", func(s *Spec) { s.MaxPayload = 8 << 10 })
	link(t, clue, score)
	if err := score.Ready(timeout(t), "clue-1", nil); !errors.Is(err, ErrPayloadLimit) {
		t.Errorf("got %v", err)
	}
}

func TestReadyEndsWithStop(t *testing.T) {
	score := start(t, "score-1", func(s *Spec) { s.Remotes = []Remote{{Name: "clue-1", URL: "nats-leaf://127.0.0.1:1"}} })
	result := make(chan error)
	go func() { result <- score.Ready(context.Background(), "clue-1", nil) }()
	if err := score.Stop(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
}
