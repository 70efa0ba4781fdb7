package inlet

import (
	"errors"
	"fmt"

	"leafmesh/mesh/internal/wire"
)

// hear takes a message of the exporter. It never blocks for long.
func (t *talk) hear(data []byte) {
	message, err := wire.DecodeTalk(data)
	if other, ok := errors.AsType[*wire.OtherVersion](err); ok {
		t.hearOther(other)
	}
	if batch, ok := message.(*wire.Batch); ok && err == nil && batch.Nonce == t.nonce {
		t.answers.gotBatch(batch, len(data))
	}
	if err == nil {
		err = t.understand(message)
	}
	if err != nil {
		t.malformed.PassUnknown(1, err)
		t.Log.Warn("malformed message of an exporter dropped", "peer", t.exporter, "bytes", len(data), "error", err)
	}
}

// understand does what a message says. One to another process of this node's name is not for this
// one.
func (t *talk) understand(message any) error {
	switch m := message.(type) {
	case *wire.Welcome:
		if m.Nonce == t.nonce {
			return t.welcome(m)
		}
	case *wire.Batch:
		if m.Nonce == t.nonce {
			return t.batch(m)
		}
	case *wire.Goodbye:
		if m.Nonce == t.nonce && !t.returned() {
			t.bidden()
		}
	case *wire.Paths:
		if m.Nonce == t.nonce {
			return t.learn(m.Paths)
		}
	case *wire.Keep, *wire.Question, *wire.Report, *wire.SignedQuestion:
		t.Neighbours(t.exporter, m)
	default:
		return fmt.Errorf("a %T is for exporters", m)
	}
	return nil
}

func (t *talk) welcome(w *wire.Welcome) error {
	if w.Exporter != t.exporter {
		return fmt.Errorf("a welcome in the name of %.80q", w.Exporter)
	}
	for _, i := range w.Imports {
		if plain, durable := t.plainOf(i.Type), t.of(i.Type); plain == nil && (durable == nil || i.Problem == "" && i.Stream == "") {
			return fmt.Errorf("a welcome to %.80q of outbox %.80q", i.Type, i.Stream)
		}
	}
	now, wall := t.Clock.Now(), t.Clock.True()
	t.mu.Lock()
	t.peer.welcome(w, t.saidAt, now, wall)
	t.saidAt = 0
	t.unreturned.Store(0)
	due := t.greeting.isDue()
	first := t.greeting.welcome(now)
	t.upToDate = t.answersAll(w)
	switch {
	case due:
		t.greeting.again()
	case !t.upToDate: // it answers a hello of before the imports changed
		t.greeting.soon(now)
	}
	again := first && t.relinked
	t.room = t.MaxPayload
	if w.MaxPayload > 0 && w.MaxPayload < uint64(t.room) {
		t.room = int(w.MaxPayload)
	}
	t.mu.Unlock()
	for i := range w.Imports {
		if plain := t.plainOf(w.Imports[i].Type); plain != nil {
			if plain.welcome(&w.Imports[i]) {
				plain.bind()
			}
			continue
		}
		d := t.of(w.Imports[i].Type)
		if first {
			d.parts.clear()
		}
		d.welcome(&w.Imports[i], first)
		if again {
			d.sayAgain(t.Clock.Now() - toldLately)
		}
	}
	t.mu.Lock()
	t.mayTell = true
	t.mu.Unlock()
	t.answers.rouse()
	return nil
}

// errNotTold is that of a short event which cannot be read: it is to come again.
var errNotTold = errors.New("an event has a number for its path that this node was not told")

func (t *talk) batch(b *wire.Batch) error {
	d := t.of(b.Type)
	if d == nil {
		return fmt.Errorf("a batch of %.80q, which was not asked for", b.Type)
	}
	if len(b.Events) > wire.MaxBatchEvents {
		return errNoEvents
	}
	var damage error
	for i := range b.Events {
		e := &b.Events[i]
		if len(e.Done) > wire.MaxTalkHandlers {
			return errNoEvents
		}
		message, err := d.parts.add(e)
		if errors.Is(err, errGap) && !e.More {
			t.answers.add(wire.Answer{Type: b.Type, Sequence: e.Sequence, Verdict: wire.Later, Done: e.Done})
		}
		if message != nil {
			if known, ok := t.pathsOf(message); ok {
				d.take(e, message, known)
			} else {
				err = errNotTold
				t.answers.add(wire.Answer{Type: b.Type, Sequence: e.Sequence, Verdict: wire.Later, After: uint64(d.firstPause()), Done: e.Done})
			}
		}
		if err != nil {
			damage = err
		}
	}
	return damage
}

// bidden notes that the exporter ends. What is under way is still answered.
func (t *talk) bidden() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.greeting.goodbye(t.Clock.Now())
	t.peer.bidden = true
	for _, d := range t.imports {
		d.parts.clear()
	}
	t.unbind(errEnding, false)
}

// plainOf is the import of a type that is at most once; nil if there is none.
func (t *talk) plainOf(subject string) *inlet {
	for _, i := range t.plain() {
		if i.of.Subject == subject {
			return i
		}
	}
	return nil
}

// of is the durable import of a type; nil if there is none.
func (t *talk) of(subject string) *durable {
	for _, d := range t.imports {
		if d.of.Subject == subject {
			return d
		}
	}
	return nil
}
