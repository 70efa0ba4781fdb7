package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
)

// Lengths and counts that an int of 32 or 64 bits does not hold are refused on every machine, alone
// and inside of what is right. In 32 bits 2^62 is 0, 2^32+1 is 1, and 2^63 is negative in 64.
func TestALengthThatNoIntHolds(t *testing.T) {
	for _, m := range []major{majorBytes, majorText, majorArray, majorMap} {
		for _, length := range []uint64{1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1 << 62, 1 << 63, 1<<64 - 1} {
			long := binary.BigEndian.AppendUint64([]byte{byte(m)<<5 | info8Bytes}, length)
			for where, payload := range map[string][]byte{
				"alone":               long,
				"before an item":      append(long[:len(long):len(long)], 0, 0),
				"in a field":          append([]byte{0xA1, 0x01}, long...),
				"in an unknown field": append([]byte{0xA2, 0x01, 0x61, 'a', 0x18, 0x63}, long...),
				"in an array":         append([]byte{0x81, 0x82, 0x00}, long...),
			} {
				t.Run(fmt.Sprintf("%s of %d %s", m, length, where), func(t *testing.T) {
					var typed judged
					if err := DecodePayload(payload, &typed); !errors.Is(err, ErrMalformed) {
						t.Errorf("decoded into a struct: %v", err)
					}
					var loose any
					if err := DecodePayload(payload, &loose); !errors.Is(err, ErrMalformed) {
						t.Errorf("decoded into anything: %v", err)
					}
					if checkPayload(payload) == nil {
						t.Error("encoding would let it pass")
					}
					if checkLengths(payload) == nil {
						t.Error("no length is too long")
					}
				})
			}
			var e Envelope
			for name, message := range map[string][]byte{
				"the message": long,
				"the id":      append([]byte{0x80 | fields, Version}, long...),
			} {
				if err := DecodeEvent(message, &e); !errors.Is(err, ErrMalformed) {
					t.Errorf("%s is %s of %d: %v", name, m, length, err)
				}
			}
		}
	}
}

// Numbers are no lengths, and what is wrong in another way is the library's to name.
func TestCheckLengthsLeavesTheRest(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":            "",
		"a large number":     "\x1B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
		"a negative number":  "\x3B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
		"a large fraction":   "\xFB\x7F\xEF\xFF\xFF\xFF\xFF\xFF\xFF",
		"a length in a text": "\x69\x9B\x40\x00\x00\x00\x00\x00\x00\x00",
		"a text cut short":   "\x63ab",
		"an array cut short": "\x83\x00",
		"a head cut short":   "\x7B\x40\x00",
		"indefinite length":  "\x9F\xFF",
	} {
		if err := checkLengths([]byte(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
