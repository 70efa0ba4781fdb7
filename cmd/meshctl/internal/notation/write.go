package notation

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
)

var decoder = func() cbor.DecMode {
	mode, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, TimeTag: cbor.DecTagOptional}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("notation: %v", err))
	}
	return mode
}()

// JSON writes one CBOR item as JSON on one line. What follows the item is an error.
func JSON(item []byte) (json.RawMessage, error) {
	var value any
	if err := decoder.Unmarshal(item, &value); err != nil {
		return nil, fmt.Errorf("read CBOR: %w", err)
	}
	var b bytes.Buffer
	if err := write(&b, value); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Diagnostic writes one CBOR item in diagnostic notation (RFC 8949, section 8) on one line.
func Diagnostic(item []byte) (string, error) {
	text, err := cbor.Diagnose(item)
	if err != nil {
		return "", fmt.Errorf("read CBOR: %w", err)
	}
	return text, nil
}

// First splits the first item off a sequence of CBOR items.
func First(sequence []byte) (item, rest []byte, err error) {
	var raw cbor.RawMessage
	if rest, err = decoder.UnmarshalFirst(sequence, &raw); err != nil {
		return nil, nil, fmt.Errorf("read CBOR: %w", err)
	}
	return raw, rest, nil
}

func write(b *bytes.Buffer, value any) error {
	switch v := value.(type) {
	case map[any]any:
		return writeMap(b, v)
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, element); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return writeJSON(b, strconv.FormatFloat(v, 'g', -1, 64)) // JSON has no such number
		}
		return writeJSON(b, v)
	case []byte:
		return writeJSON(b, base64.StdEncoding.EncodeToString(v))
	case big.Int:
		b.WriteString(v.String())
	case time.Time:
		return writeJSON(b, v.Format(time.RFC3339Nano))
	case cbor.Tag:
		return write(b, map[any]any{"tag": v.Number, "value": v.Content})
	case cbor.SimpleValue:
		return writeJSON(b, fmt.Sprintf("simple(%d)", v))
	case nil, bool, uint64, int64, string:
		return writeJSON(b, v)
	default:
		return fmt.Errorf("a value of type %T has no form in JSON", v)
	}
	return nil
}

// writeJSON writes a value that JSON has.
func writeJSON(b *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	b.Truncate(b.Len() - 1) // the end of the line
	return nil
}

// writeMap writes the pairs with integer keys first, in the order of their numbers, as fields are
// declared.
func writeMap(b *bytes.Buffer, pairs map[any]any) error {
	keys := slices.SortedFunc(maps.Keys(pairs), compareKeys)
	b.WriteByte('{')
	names := map[string]bool{}
	for i, key := range keys {
		name := fmt.Sprint(key)
		if names[name] {
			return fmt.Errorf("a map has the key %s as a number and as a text, which JSON cannot tell apart: use diagnostic notation", name)
		}
		names[name] = true
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeJSON(b, name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := write(b, pairs[key]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func compareKeys(a, b any) int {
	x, isX := number(a)
	y, isY := number(b)
	switch {
	case isX && isY:
		return x.Cmp(y)
	case isX:
		return -1
	case isY:
		return 1
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func number(key any) (*big.Int, bool) {
	switch k := key.(type) {
	case uint64:
		return new(big.Int).SetUint64(k), true
	case int64:
		return big.NewInt(k), true
	}
	return nil, false
}
