package sealed

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"leafmesh/mesh/internal/wire"

	"github.com/fxamacker/cbor/v2"
)

// Format is what a package keeps in its files.
type Format struct {
	Kind    string // what a file holds: "dead letter"
	Version int    // of the document; what has another one is not read
	Max     int    // bytes of the largest file
	Remedy  string // what somebody who finds such a file damaged can do
}

// document is what a file holds before its checksum.
type document struct {
	Kind    string          `cbor:"1,keyasint"`
	Version int             `cbor:"2,keyasint"`
	Body    cbor.RawMessage `cbor:"3,keyasint"`
}

// sumHead begins the checksum's item: a byte string of 32 bytes.
var sumHead = []byte{0x58, sha256.Size}

const sumItem = 2 + sha256.Size

// maxElements bounds each array and map of a document.
const maxElements = 1 << 16

// The codec, configured once and never changed.
var (
	encoder = newEncoder()
	decoder = newDecoder()
)

func newEncoder() cbor.EncMode {
	options := cbor.CoreDetEncOptions()
	options.TagsMd = cbor.TagsForbidden
	mode, err := options.EncMode()
	if err != nil {
		panic(fmt.Sprintf("sealed: encoder: %v", err))
	}
	return mode
}

func newDecoder() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, // another version would have them
		MaxNestedLevels:   8,
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxElements,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
	}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("sealed: decoder: %v", err))
	}
	return mode
}

// Encode gives the bytes of a file that holds v.
func (f Format) Encode(v any) ([]byte, error) {
	body, err := encoder.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", f.Kind, err)
	}
	data, err := encoder.Marshal(document{Kind: f.Kind, Version: f.Version, Body: body})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", f.Kind, err)
	}
	sum := sha256.Sum256(data)
	data = append(append(data, sumHead...), sum[:]...)
	if len(data) > f.Max {
		return nil, fmt.Errorf("%s has %d bytes; at most %d can be kept", f.Kind, len(data), f.Max)
	}
	return data, nil
}

// errSum says that the bytes are not those that were written.
var errSum = errors.New("the checksum is wrong: the file is cut or was changed")

// Decode reads the bytes of a file into v, a pointer to a zero value. It is an
// error if they are not exactly what Encode gave.
func (f Format) Decode(data []byte, v any) error {
	if len(data) > f.Max {
		return fmt.Errorf("it has more than %d bytes", f.Max)
	}
	if len(data) < sumItem {
		return errSum
	}
	text, seal := data[:len(data)-sumItem], data[len(data)-sumItem:]
	sum := sha256.Sum256(text)
	if !bytes.Equal(seal[:len(sumHead)], sumHead) || !bytes.Equal(seal[len(sumHead):], sum[:]) {
		return errSum
	}
	if err := wire.CheckLengths(text); err != nil {
		return err
	}
	var d document
	if err := decoder.Unmarshal(text, &d); err != nil {
		return err
	}
	switch {
	case d.Kind != f.Kind:
		return fmt.Errorf("it holds a %.40q, not a %s", d.Kind, f.Kind)
	case d.Version != f.Version:
		return fmt.Errorf("it has version %d, this program knows %d", d.Version, f.Version)
	}
	return decoder.Unmarshal(d.Body, v)
}
