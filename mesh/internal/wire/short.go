package wire

import (
	"encoding/binary"
	"fmt"
	"time"
)

// AppendShort is AppendEvent for a reader that knows the event's path by a number: see [Paths]. It
// looks at the number of steps in place of e.Path. What the short form leaves out the reader takes
// from what it has before:
//
//   - of the root the bytes with which the id begins as well, all of them if the event is a root;
//   - of the parent those with which the root does, all of them if the root is the parent;
//   - of the time what a UUID of version 7 begins with, as id is one: see [ID.moment].
//
// A path's number stands first, where AppendEvent has the id: so nobody takes one for the other. It
// is the whole number, or in a message that begins with a run, see [AppendPlace], its [Index].
func AppendShort(dst []byte, e *Envelope, number uint64, steps int) ([]byte, error) {
	err := e.checkCauses(steps)
	if err == nil {
		err = e.checkKey()
	}
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	start := len(dst)
	out := e.appendShortCauses(dst, number)
	out = appendHead(out, majorUint, uint64(e.Age))
	out = appendString(out, majorText, e.Key)
	out = appendHead(out, majorBytes, uint64(len(e.Payload)))
	if size := len(out) - start + len(e.Payload); size > MaxEventBytes {
		return dst, fmt.Errorf("%w: %w: it has %d bytes; at most %d are allowed", ErrInvalid, ErrTooLarge, size, MaxEventBytes)
	}
	return append(out, e.Payload...), nil
}

// appendShortCauses appends a short event up to its age.
func (e *Envelope) appendShortCauses(dst []byte, number uint64) []byte {
	out := appendHead(append(dst, firstByte), majorUint, number)
	out = appendString(out, majorBytes, e.ID[:])
	out = appendString(out, majorBytes, e.Root.after(e.ID))
	if e.Parent.IsZero() {
		out = append(out, nullItem)
	} else {
		out = appendString(out, majorBytes, e.Parent.after(e.Root))
	}
	return appendInt(out, e.Time-e.ID.moment()) // what overflows comes back the same way
}

// after is what follows in id the bytes that it has in common with another one.
func (id *ID) after(other ID) []byte {
	for i := range id {
		if id[i] != other[i] {
			return id[i:]
		}
	}
	return nil
}

// DecodeLinked is DecodeEvent for an event of a link, which may be short: its path is then that of
// d under its number. process is what an index lacks of a number: [ProcessOf] the run that the
// message begins with, or 0 if events have whole numbers. A number that d does not know is
// ErrMalformed: what it stood for is part of the event's causes, and [Reroot] does without.
func DecodeLinked(event []byte, e *Envelope, d *Dictionary, process uint64) error {
	err := decodeLinked(event, e, d, process)
	if err == nil {
		return nil
	}
	e.reset()
	return malformed("%w", err)
}

func decodeLinked(event []byte, e *Envelope, d *Dictionary, process uint64) error {
	r := reader{data: event}
	if err := r.beginEvent(); err != nil {
		return err
	}
	if !r.isShort() {
		return decodeEvent(event, e)
	}
	number, err := r.expect(majorUint)
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if process != 0 && number >= MaxLinkPaths {
		return fmt.Errorf("path: index %d; the largest is %d", number, MaxLinkPaths-1)
	}
	path, err := d.path(process + number)
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	e.IsShort, e.Number = true, process+number
	e.Path = append(e.Path[:0], path...) // not path itself: e.Path is written to again
	if err := r.shortCauses(e); err != nil {
		return err
	}
	if err := r.shortTime(e); err != nil {
		return err
	}
	age, err := r.unsigned()
	if err != nil {
		return fmt.Errorf("age: %w", err)
	}
	e.Age = time.Duration(age)
	if err := r.key(e); err != nil {
		return err
	}
	if err := r.payload(e); err != nil {
		return err
	}
	if err := e.checkCauses(len(path)); err != nil {
		return err
	}
	return e.checkKey()
}

// isShort reports whether what follows the head of an event is the number of a path.
func (r *reader) isShort() bool {
	return r.off < len(r.data) && major(r.data[r.off]>>5) == majorUint
}

// shortCauses reads id, root and parent of a short event.
func (r *reader) shortCauses(e *Envelope) (err error) {
	if err = r.id(&e.ID); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if e.Root, err = r.idAfter(e.ID); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if r.off < len(r.data) && r.data[r.off] == nullItem {
		r.off++
		e.Parent = ID{}
		return nil
	}
	if e.Parent, err = r.idAfter(e.Root); err != nil {
		return fmt.Errorf("parent: %w", err)
	}
	if e.Parent.IsZero() {
		return fmt.Errorf("parent: all zeros; no parent is null")
	}
	return nil
}

// idAfter reads an id that lacks what it has in common with another one.
func (r *reader) idAfter(other ID) (id ID, err error) {
	rest, err := r.content(majorBytes, len(id))
	if err != nil {
		return ID{}, err
	}
	copy(id[:], other[:])
	copy(id[len(id)-len(rest):], rest)
	return id, nil
}

// moment is the time that an id tells if it is a UUID of version 7 by the RFC's method 3, as most
// are: 48 bits of milliseconds since 1970, 4 of the version, 12 of 1/4096 of one. It is in
// nanoseconds, rounded down. What an id tells that is none is of no account: the time is added to
// it again, without regard to overflow.
func (id ID) moment() int64 {
	first := binary.BigEndian.Uint64(id[:8])
	return int64(first>>16*1e6 + first&0xFFF*1e6>>12)
}

func (r *reader) shortTime(e *Envelope) error {
	if err := r.time(e); err != nil {
		return err
	}
	e.Time += e.ID.moment()
	return nil
}

// ShortNumber is the number of a short event's path. It is not ok for an event that is not short.
func ShortNumber(event []byte) (number uint64, ok bool) {
	r := reader{data: event}
	if r.beginEvent() != nil || !r.isShort() {
		return 0, false
	}
	number, err := r.expect(majorUint)
	return number, err == nil
}

// PathOf returns the bytes of the path of an event that AppendEvent made, by which it is known
// without being decoded; nil for an event that is malformed before that.
func PathOf(event []byte) []byte {
	r := reader{data: event}
	if r.beginEvent() != nil || r.skip("id", "root", "parent", "time", "age", "key") != nil {
		return nil
	}
	from := r.off
	if r.skip("path") != nil {
		return nil
	}
	return event[from:r.off]
}

// Shorten appends to dst the short form of an event that AppendEvent made: see [AppendShort]. It
// does not look whether the event keeps the rules, and is not ok for one that cannot be read.
func Shorten(dst, event []byte, number uint64) (appended []byte, ok bool) {
	var e Envelope
	r := reader{data: event}
	if r.beginEvent() != nil || r.identity(&e) != nil || r.time(&e) != nil {
		return dst, false
	}
	from := r.off
	if r.skip("age", "key") != nil {
		return dst, false
	}
	ageAndKey := event[from:r.off]
	if r.skip("path") != nil {
		return dst, false
	}
	return append(append(e.appendShortCauses(dst, number), ageAndKey...), event[r.off:]...), true
}

// Lengthen returns an event of a link as AppendEvent makes it, so that it stands for itself again;
// an event that does, or that is malformed, is returned as it is.
func Lengthen(event []byte, d *Dictionary) []byte {
	var e Envelope
	if _, short := ShortNumber(event); !short || DecodeLinked(event, &e, d, 0) != nil {
		return event
	}
	long, err := AppendEvent(nil, &e)
	if err != nil { // too large with its path
		return event
	}
	return long
}
