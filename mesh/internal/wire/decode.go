package wire

import "fmt"

// DecodeEnvelope decodes one message into e and overwrites all of it. e.Path's capacity is used again; path steps and
// payload alias message, the key is a copy. A message of an unknown version is ErrVersion; every error is ErrMalformed,
// and leaves e empty.
//
// It reads every definite-length CBOR form of the right types, also longer ones than AppendEnvelope writes, so that a
// plain CBOR library can be a sender. The payload is not looked into: see DecodePayload.
func DecodeEnvelope(message []byte, e *Envelope) error {
	err := decodeEnvelope(message, e)
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

func decodeEnvelope(message []byte, e *Envelope) error {
	r := reader{data: message}
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.identity(e); err != nil {
		return err
	}
	if err := r.time(e); err != nil {
		return err
	}
	var err error
	if e.Waited, err = r.unsigned(); err != nil {
		return fmt.Errorf("waited: %w", err)
	}
	if err := r.key(e); err != nil {
		return err
	}
	if e.Path, err = r.path(e.Path[:0]); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if err := r.payload(e); err != nil {
		return err
	}
	return e.check()
}

// begin reads the array's head and the version, unless the message is too large. The version comes first so that a
// message of a later version is named as such, however many fields it has.
func (r *reader) begin() error {
	if len(r.data) > MaxMessageBytes {
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(r.data), MaxMessageBytes)
	}
	count, err := r.expect(majorArray)
	if err != nil {
		return err
	}
	if count == 0 {
		return fmt.Errorf("array of 0 elements; want %d", fields)
	}
	version, err := r.expect(majorUint)
	if err != nil {
		return fmt.Errorf("version: %w", err)
	}
	if version != Version {
		return fmt.Errorf("%w %d; this node reads version %d", ErrVersion, version, Version)
	}
	if count != fields {
		return fmt.Errorf("array of %d elements; version %d has %d", count, Version, fields)
	}
	return nil
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

// payload reads the last field and the message's end.
func (r *reader) payload(e *Envelope) (err error) {
	if e.Payload, err = r.content(majorBytes, MaxMessageBytes); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	if r.off != len(r.data) {
		return fmt.Errorf("%d bytes follow the array", len(r.data)-r.off)
	}
	return nil
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
