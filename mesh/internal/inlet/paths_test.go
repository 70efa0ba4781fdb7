package inlet

import (
	"strings"
	"testing"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

const pathNumber = 7 * wire.MaxLinkPaths

// short is an event in its short form.
func short(t *testing.T, e wire.BatchEvent, number uint64) wire.BatchEvent {
	t.Helper()
	var envelope wire.Envelope
	err := wire.DecodeEvent(e.Message, &envelope)
	if err == nil {
		e.Message, err = wire.AppendShort(nil, &envelope, number, len(envelope.Path))
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func tells(number uint64, steps ...string) []wire.NumberedPath {
	return []wire.NumberedPath{{Number: number, Steps: steps}}
}

// A reader answers that it knows a path, and takes events that name it by its number. One whose
// path it was not told is to come again.
func TestEventsWithANumberForTheirPath(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.give(short(t, event(1, "owls"), pathNumber))
		s.want("1 later")
		s.wantCalled("mail")
		s.say(&wire.Paths{Nonce: wire.ID{9}, Paths: tells(pathNumber, "clue-1:"+solved)}) // to another process
		if known := s.known(); len(known) != 0 {
			t.Errorf("answered %v", known)
		}
		s.say(&wire.Paths{Nonce: s.nonce, Paths: tells(pathNumber, "clue-1:"+solved)})
		s.say(&wire.Paths{Nonce: s.nonce, Paths: tells(pathNumber, "clue-1:"+solved)}) // the answer was lost
		if known := s.known(); len(known) != 2 || known[0] != pathNumber || known[1] != pathNumber {
			t.Errorf("answered %v", known)
		}
		s.give(short(t, event(1, "owls"), pathNumber), event(2, "owls"), short(t, event(3, "owls"), pathNumber+1))
		s.want("1 handled", "2 handled", "3 later")
		s.wantCalled("mail", 1, 2)

		s.handlers["mail"].fails(errGap) // a letter of it stands for itself
		s.give(tried(short(t, event(4, "owls"), pathNumber), 2))
		s.want("4 handled")
		list, err := s.letters.List()
		if err != nil || len(list) != 1 {
			t.Fatalf("%d letters, %v", len(list), err)
		}
		letter, err := s.letters.Get(list[0].Key)
		if err != nil {
			t.Fatal(err)
		}
		var e wire.Envelope
		if err := wire.DecodeStored(letter.Message, &e); err != nil || string(e.Subject()) != solved {
			t.Errorf("the letter's event: %v", err)
		}
	})
}

// known are the numbers that score-1 has said to know since it was asked last.
func (s *site) known() (numbers []uint64) {
	s.wait(2 * gatherFor)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, message := range s.said {
		if m, ok := message.(*wire.KnownPaths); ok {
			numbers = append(numbers, m.Numbers...)
		}
	}
	s.said = nil
	return numbers
}

// The header of a short event has the path that its number stands for. Nobody gets in by it whom
// the whole event would not let in.
func TestDecodeShort(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		from := s.set.exchange.Load().talks["clue-1"]
		if err := from.learn(append(append(tells(pathNumber, "clue-1:"+solved), tells(pathNumber+1, "clue-2:"+solved)...),
			tells(pathNumber+2, "clue-1:clue.clue.opened")...)); err != nil {
			t.Fatal(err)
		}
		i := newPlain(from, s.set.exchange.Load().durables()[0].of)
		i.paths, i.process = from.paths.Load(), pathNumber // as a message's run says
		for name, test := range map[string]struct {
			event  []byte
			path   string
			damage bool
			says   string
		}{
			"whole":                 {event: event(1, "owls").Message, path: "clue-1:" + solved},
			"short":                 {event: short(t, event(1, "owls"), 0).Message, path: "clue-1:" + solved},
			"of another node":       {event: short(t, event(1, "owls"), 1).Message, says: "it says it is from clue-2, and came from clue-1"},
			"of another type":       {event: short(t, event(1, "owls"), 2).Message, says: "it is a clue.clue.opened"},
			"a number without path": {event: short(t, event(1, "owls"), 3).Message, path: "unknown:" + solved, damage: true},
		} {
			damage, err := i.decode(test.event)
			switch {
			case test.says != "":
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%s: %v", name, err)
				}
			case err != nil || (damage != nil) != test.damage || i.header.Lineage().String() != test.path || i.header.Key != "owls":
				t.Errorf("%s: %v, %v, path %s", name, err, damage, i.header.Lineage())
			}
		}
		if err := from.learn(tells(5, "clue-1:"+solved)); err != nil { // the exporter has begun anew
			t.Fatal(err)
		}
		now := from.paths.Load()
		if path := now.from(0).path(5); path != s.tree().Root("clue-1:"+solved) {
			t.Errorf("the new number is of %s", path)
		}
		i.paths = now.from(pathNumber) // what waits of the process before
		if damage, err := i.decode(short(t, event(1, "owls"), 0).Message); damage != nil || err != nil {
			t.Errorf("an event of the process before: %v, %v", damage, err)
		}
		if err := from.learn(tells(9*wire.MaxLinkPaths, "clue-1:"+solved)); err != nil {
			t.Fatal(err)
		}
		if now := from.paths.Load(); now.from(pathNumber) != nil || now.from(0) == nil {
			t.Error("more than the process before is known, or less")
		}
		if n := s.count(stats.Lost, stats.Malformed); n != 0 {
			t.Errorf("%d malformed", n)
		}
	})
}

func (s *site) tree() *cause.Tree { return s.set.exchange.Load().talks["clue-1"].Paths }
