package wire

import (
	"fmt"
	"time"
)

// DecodeEvent decodes one event of a container into e and overwrites all of it. e.Path's capacity
// is used again; path steps and payload alias event, the key is a copy. Every error is
// ErrMalformed, and leaves e empty.
//
// It reads every definite-length CBOR form of the right types, also longer ones than AppendEvent
// writes, so that a plain CBOR library can be a sender. The payload is not looked into: see
// DecodePayload.
func DecodeEvent(event []byte, e *Envelope) error {
	err := decodeEvent(event, e)
	if err == nil {
		return nil
	}
	e.reset()
	return malformed("%w", err)
}

// reset empties e, but for the path's capacity.
func (e *Envelope) reset() {
	clear(e.Path[:cap(e.Path)])
	*e = Envelope{Path: e.Path[:0]}
}

func decodeEvent(event []byte, e *Envelope) error {
	r := reader{data: event}
	if err := r.beginEvent(); err != nil {
		return err
	}
	e.IsShort = false
	if err := r.event(e, "age"); err != nil {
		return err
	}
	return e.check()
}

// beginEvent reads the array's head, unless the event is too large.
func (r *reader) beginEvent() error {
	if len(r.data) > MaxEventBytes {
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(r.data), MaxEventBytes)
	}
	count, err := r.expect(majorArray)
	if err != nil {
		return err
	}
	if count != fields {
		return fmt.Errorf("array of %d elements; want %d", count, fields)
	}
	return nil
}

// event reads all elements; duration is what the fifth is called.
func (r *reader) event(e *Envelope, duration string) error {
	if err := r.identity(e); err != nil {
		return err
	}
	if err := r.time(e); err != nil {
		return err
	}
	age, err := r.unsigned()
	if err != nil {
		return fmt.Errorf("%s: %w", duration, err)
	}
	e.Age = time.Duration(age)
	if err := r.key(e); err != nil {
		return err
	}
	if e.Path, err = r.path(e.Path[:0]); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	return r.payload(e)
}

// identity reads id, root and parent.
func (r *reader) identity(e *Envelope) error {
	if err := r.id(&e.ID); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if err := r.id(&e.Root); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if r.off < len(r.data) && r.data[r.off] == nullItem {
		r.off++
		e.Parent = ID{}
		return nil
	}
	if err := r.id(&e.Parent); err != nil {
		return fmt.Errorf("parent: %w", err)
	}
	if e.Parent.IsZero() {
		return fmt.Errorf("parent: all zeros; no parent is null")
	}
	return nil
}

func (r *reader) time(e *Envelope) (err error) {
	if e.Time, err = r.integer(); err != nil {
		return fmt.Errorf("time: %w", err)
	}
	return nil
}

func (r *reader) key(e *Envelope) error {
	key, err := r.content(majorText, MaxKeyBytes)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	e.Key = string(key)
	return nil
}

// payload reads the last field and the event's end.
func (r *reader) payload(e *Envelope) (err error) {
	if e.Payload, err = r.content(majorBytes, MaxEventBytes); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	return r.end()
}

// id reads one byte string of 16 bytes.
func (r *reader) id(id *ID) error {
	at := r.off
	content, err := r.content(majorBytes, len(id))
	if err != nil {
		return err
	}
	if len(content) != len(id) {
		return fmt.Errorf("byte string at byte %d has %d bytes; want %d", at, len(content), len(id))
	}
	copy(id[:], content)
	return nil
}

// path appends the steps to dst.
func (r *reader) path(dst [][]byte) ([][]byte, error) {
	at := r.off
	count, err := r.expect(majorArray)
	if err != nil {
		return dst, err
	}
	if count > MaxPathSteps {
		return dst, fmt.Errorf("array at byte %d has %d steps; at most %d are allowed", at, count, MaxPathSteps)
	}
	if cap(dst) < int(count) {
		dst = make([][]byte, 0, count)
	}
	for i := range count {
		step, err := r.content(majorText, maxStepBytes)
		if err != nil {
			return dst, fmt.Errorf("step %d: %w", i+1, err)
		}
		dst = append(dst, step)
	}
	return dst, nil
}
