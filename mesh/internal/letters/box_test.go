package letters

import (
	"context"
	"errors"
	"strings"
	"testing"

	"leafmesh/mesh/internal/wire"
)

// A replay whose context ends says that the event is on its way, and how the context ended.
func TestAReplayThatIsNotAwaited(t *testing.T) {
	l, _ := openTest(t, 10)
	id := wire.ID{1}
	event, err := wire.AppendEvent(nil, &wire.Envelope{ID: id, Root: id, Path: [][]byte{[]byte("clue-1:clue.clue.solved")}, Payload: []byte{0}})
	if err != nil {
		t.Fatal(err)
	}
	kept := letter(1, "count")
	kept.Message = wire.AppendContainer(nil, event)
	put(t, l, kept)
	box, key := &Box{Durable: l}, string(kept.Key())
	if list, err := box.Summaries(); err != nil || list[0].Root != [16]byte{1} || len(list[0].Path) != 1 || list[0].Path[0] != "clue-1:clue.clue.solved" {
		t.Errorf("%+v, %v", list, err)
	}
	why := errors.New("the operator has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	var done func(error)
	err = box.Replay(ctx, key, func(_ context.Context, _ *Letter, _ *wire.Envelope, settled func(error)) error {
		done = settled
		cancel(why)
		return nil
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || !strings.Contains(err.Error(), "still being handled") {
		t.Errorf("%v", err)
	}
	if err := box.Replay(t.Context(), key, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("while it is under way: %v", err)
	}
	done(nil)
	if l.Len() != 0 {
		t.Error("it was handled, and is still there")
	}
}

// A letter of a former version is shown and replayed as one of this.
func TestLettersOfVersion1(t *testing.T) {
	l, _ := openTest(t, 10)
	kept := letter(1, "count")
	kept.Message = []byte("\x89\x01\x50\x01AAAAAAAAAAAAAAA\x50\x01AAAAAAAAAAAAAAA\xf6\x05\x00\x60\x81\x78\x17clue-1:clue.clue.solved\x41\x07")
	put(t, l, kept)
	box, key := &Box{Durable: l}, string(kept.Key())
	if shown, err := box.Show(key); err != nil || string(shown.Payload) != "\x07" || len(shown.Path) != 1 {
		t.Errorf("payload %x, %v", shown.Payload, err)
	}
	err := box.Replay(t.Context(), key, func(_ context.Context, _ *Letter, e *wire.Envelope, settled func(error)) error {
		if string(e.Subject()) != "clue.clue.solved" || e.Time != 5 {
			t.Errorf("delivered %+v", e)
		}
		settled(nil)
		return nil
	})
	if err != nil || l.Len() != 0 {
		t.Errorf("%v, %d letters left", err, l.Len())
	}
}
