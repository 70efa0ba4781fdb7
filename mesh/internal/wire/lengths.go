package wire

import (
	"fmt"
	"math"
	"strconv"
)

// CheckLengths reports a length or a count that no int of 32 bits holds. It is for data that the
// CBOR library decodes next. The library makes an int of a length before it compares it, so where
// int has 32 bits a length of 2^62 would pass as 0, and the bytes after it as items of their own.
// Where int has 64 bits the library is right by itself, and this costs nothing.
func CheckLengths(data []byte) error {
	if strconv.IntSize > 32 {
		return nil
	}
	return checkLengths(data)
}

// checkLengths reads data as a row of heads: who is inside of whom does not matter here. Whatever
// else is wrong with data the library finds, and says it in the same words on every machine.
func checkLengths(data []byte) error {
	r := reader{data: data}
	for r.off < len(data) {
		at := r.off
		h, err := r.head()
		if err != nil {
			return nil
		}
		if h.hasLength() && h.argument > math.MaxInt32 {
			return fmt.Errorf("%s at byte %d promises %d, %d bytes are left", h.major, at, h.argument, len(data)-r.off)
		}
		if h.major == majorBytes || h.major == majorText {
			if _, err := r.take(h.argument); err != nil {
				return nil
			}
		}
	}
	return nil
}

// hasLength reports whether the argument says how many bytes or elements follow.
func (h head) hasLength() bool { return h.major >= majorBytes && h.major <= majorMap }
