package notation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/fxamacker/cbor/v2"
)

var encoder = func() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(fmt.Sprintf("notation: %v", err))
	}
	return mode
}()

// FromJSON reads one JSON value and encodes it as CBOR, in the form that nodes write. Numbers
// without a fraction and an exponent are integers.
func FromJSON(text []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	value, err := read(d)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something stands behind the value: give one")
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early")
	}
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	item, err := encoder.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write CBOR: %w", err)
	}
	return item, nil
}

func read(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return readObject(d)
		}
		list := []any{}
		for d.More() {
			element, err := read(d)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		_, err := d.Token() // the bracket
		return list, err
	case json.Number:
		return readNumber(t)
	}
	return token, nil
}

// readObject reads up to the end of an object. A key that stands twice is an error: one of the two
// would be lost.
func readObject(d *json.Decoder) (any, error) {
	pairs := map[any]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder has seen to it
		var key any = name
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && strconv.FormatInt(n, 10) == name {
			key = n
		}
		if _, known := pairs[key]; known {
			return nil, fmt.Errorf("the key %.80q stands twice", name)
		}
		if pairs[key], err = read(d); err != nil {
			return nil, err
		}
	}
	_, err := d.Token() // the bracket
	return pairs, err
}

func readNumber(n json.Number) (any, error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return u, nil
	}
	if !bytes.ContainsAny([]byte(n), ".eE") {
		return nil, fmt.Errorf("the number %.80s has more than 64 bits", n)
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("the number %.80s is out of range", n)
	}
	return f, nil
}
