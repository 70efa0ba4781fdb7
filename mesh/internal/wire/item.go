package wire

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

var errNull = errors.New("it is null; a payload says what happened")

// refuseNull refuses null and undefined as a whole payload. The library would decode either into
// any struct without a word, and a handler would get an event in which everything is zero.
func refuseNull(payload []byte) error {
	if len(payload) == 1 && (payload[0] == 0xF6 || payload[0] == 0xF7) {
		return errNull
	}
	return nil
}

// checkPayload applies the rules of decoding to what was just encoded. The library checks neither
// limits nor UTF-8 when it encodes, so without this the emitter would succeed and every receiver
// drop the message.
func checkPayload(payload []byte) error {
	if len(payload) > MaxMessageBytes {
		return fmt.Errorf("%w: it has %d bytes; at most %d are allowed", ErrTooLarge, len(payload), MaxMessageBytes)
	}
	if err := refuseNull(payload); err != nil {
		return err
	}
	r := reader{data: payload}
	if err := r.skipItem(MaxNesting); err != nil {
		return err
	}
	if r.off != len(payload) {
		return fmt.Errorf("%d bytes follow it", len(payload)-r.off)
	}
	return nil
}

// skipItem reads past one item, all its elements included, in which at most depth containers stand
// inside each other.
func (r *reader) skipItem(depth int) error {
	at := r.off
	h, err := r.head()
	if err != nil {
		return err
	}
	switch h.major {
	case majorBytes, majorText:
		content, err := r.take(h.argument)
		if err != nil {
			return err
		}
		if h.major == majorText && !utf8.Valid(content) {
			return fmt.Errorf("text at byte %d is not valid UTF-8: %s", at, excerpt(content))
		}
	case majorArray, majorMap:
		return r.skipElements(h, depth-1, at)
	case majorTag:
		return fmt.Errorf("tag %d at byte %d; tags are not allowed", h.argument, at)
	}
	return nil
}

// skipElements reads past the elements of an array or a map whose head was read.
func (r *reader) skipElements(h head, depth, at int) error {
	if depth < 0 {
		return fmt.Errorf("%s at byte %d is nested too deep; at most %d levels are allowed", h.major, at, MaxNesting)
	}
	limit, perElement := uint64(MaxArrayElements), uint64(1)
	if h.major == majorMap {
		limit, perElement = MaxMapPairs, 2
	}
	if h.argument > limit {
		return fmt.Errorf("%s at byte %d has %d elements; at most %d are allowed", h.major, at, h.argument, limit)
	}
	for range h.argument * perElement {
		if err := r.skipItem(depth); err != nil {
			return err
		}
	}
	return nil
}
