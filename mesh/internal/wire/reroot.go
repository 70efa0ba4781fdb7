package wire

import "fmt"

// UnknownNode stands for the node in the one step of a rerooted event:
// "unknown:clue.answer.judged". No node can have the name, as a node's name ends in a number.
const UnknownNode = "unknown"

// Reroot is the second look at an event that DecodeEvent refused: it reads one whose causal fields
// (root, parent, age and path) are null, of another type, or break a rule, but are each one CBOR
// item that a payload could hold. What it puts into e is a root: ID, time, key and payload as sent,
// root the ID, no parent, no age, and one step of UnknownNode and the event subject that the
// message came on. So an event is not lost because the record of its causes is damaged.
//
// All else is as strict as in DecodeEvent: number of elements, id, time, key and payload. Every
// error is ErrMalformed and leaves e empty. The step is allocated, payload aliases event.
func Reroot(event []byte, eventSubject string, e *Envelope) error {
	err := decodeWithoutCauses(event, e)
	if err == nil {
		e.Root, e.Parent, e.Age = e.ID, ID{}, 0
		e.Path = append(e.Path[:0], []byte(UnknownNode+":"+eventSubject))
		err = e.check()
	}
	if err != nil {
		e.reset()
		return malformed("%w", err)
	}
	return nil
}

// decodeWithoutCauses reads what does not say how the event came about, and passes over the rest.
func decodeWithoutCauses(event []byte, e *Envelope) error {
	r := reader{data: event}
	if err := r.beginEvent(); err != nil {
		return err
	}
	short, readTime := r.isShort(), r.time
	if e.IsShort = false; short {
		readTime = r.shortTime
		if err := r.skip("path"); err != nil {
			return err
		}
	}
	if err := r.id(&e.ID); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if err := r.skip("root", "parent"); err != nil {
		return err
	}
	if err := readTime(e); err != nil {
		return err
	}
	if err := r.skip("age"); err != nil {
		return err
	}
	if err := r.key(e); err != nil {
		return err
	}
	if !short {
		if err := r.skip("path"); err != nil {
			return err
		}
	}
	return r.payload(e)
}

// skip reads past fields of whatever type.
func (r *reader) skip(fields ...string) error {
	for _, field := range fields {
		if err := r.skipItem(MaxNesting); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}
