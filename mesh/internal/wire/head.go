package wire

import (
	"encoding/binary"
	"fmt"
)

// major is the type of a CBOR item: the upper three bits of its first byte (RFC 8949, 3.1).
type major byte

const (
	majorUint major = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

func (m major) String() string {
	return [...]string{"unsigned integer", "negative integer", "byte string", "text string", "array", "map", "tag", "simple value"}[m&7]
}

// The lower five bits of an item's first byte: up to 23 the argument itself, then how many bytes
// hold it.
const (
	info1Byte      = 24
	info8Bytes     = 27
	infoIndefinite = 31
)

const nullItem = byte(majorSimple)<<5 | 22

// head is the beginning of an item: its type, and a number, a length or a count.
type head struct {
	major    major
	info     byte
	argument uint64
}

// appendHead appends a head in its shortest form.
func appendHead(dst []byte, m major, argument uint64) []byte {
	first := byte(m) << 5
	switch {
	case argument < info1Byte:
		return append(dst, first|byte(argument))
	case argument <= 0xFF:
		return append(dst, first|info1Byte, byte(argument))
	case argument <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, first|25), uint16(argument))
	case argument <= 0xFFFFFFFF:
		return binary.BigEndian.AppendUint32(append(dst, first|26), uint32(argument))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first|info8Bytes), argument)
	}
}

// headBytes is how many bytes appendHead appends.
func headBytes(argument uint64) int {
	switch {
	case argument < info1Byte:
		return 1
	case argument <= 0xFF:
		return 2
	case argument <= 0xFFFF:
		return 3
	case argument <= 0xFFFFFFFF:
		return 5
	default:
		return 9
	}
}

// appendInt appends a signed integer.
func appendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendHead(dst, majorNegative, ^uint64(n))
	}
	return appendHead(dst, majorUint, uint64(n))
}

// reader reads items from data. It never reads past the end and never allocates for what a head
// promises: each length is held against the bytes that are there.
type reader struct {
	data []byte
	off  int
}

// head reads one head. Forms longer than needed are accepted, indefinite lengths and reserved ones
// are not.
func (r *reader) head() (head, error) {
	if r.off >= len(r.data) {
		return head{}, errCutShort(r.off)
	}
	first := r.data[r.off]
	h := head{major: major(first >> 5), info: first & 31}
	if h.info < info1Byte {
		h.argument = uint64(h.info)
		r.off++
		return h, nil
	}
	return r.longHead(h)
}

// longHead reads the rest of a head whose argument follows its first byte.
func (r *reader) longHead(h head) (head, error) {
	if h.info > info8Bytes {
		if h.info == infoIndefinite {
			return head{}, fmt.Errorf("%s of indefinite length at byte %d; lengths must be definite", h.major, r.off)
		}
		return head{}, fmt.Errorf("reserved first byte 0x%02X at byte %d", r.data[r.off], r.off)
	}
	size := 1 << (h.info - info1Byte)
	rest := r.data[r.off+1:]
	if len(rest) < size {
		return head{}, errCutShort(len(r.data))
	}
	switch size {
	case 1:
		h.argument = uint64(rest[0])
	case 2:
		h.argument = uint64(binary.BigEndian.Uint16(rest))
	case 4:
		h.argument = uint64(binary.BigEndian.Uint32(rest))
	case 8:
		h.argument = binary.BigEndian.Uint64(rest)
	}
	if h.major == majorSimple && size == 1 && h.argument < 32 {
		return head{}, fmt.Errorf("simple value %d at byte %d in two bytes; it must be in one", h.argument, r.off)
	}
	r.off += 1 + size
	return h, nil
}

// take returns the next n bytes, which alias data.
func (r *reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.data)-r.off) {
		return nil, fmt.Errorf("%d bytes promised before byte %d, %d left", n, r.off, len(r.data)-r.off)
	}
	start := r.off
	r.off += int(n)
	return r.data[start:r.off:r.off], nil
}

// expect reads one head of a given type and returns its argument.
func (r *reader) expect(want major) (uint64, error) {
	at := r.off
	h, err := r.head()
	if err != nil {
		return 0, err
	}
	if h.major != want {
		return 0, fmt.Errorf("%s at byte %d; want %s", h.major, at, want)
	}
	return h.argument, nil
}

// content reads one byte or text string of at most limit bytes. It aliases data.
func (r *reader) content(want major, limit int) ([]byte, error) {
	at := r.off
	n, err := r.expect(want)
	if err != nil {
		return nil, err
	}
	if n > uint64(limit) {
		return nil, fmt.Errorf("%s at byte %d has %d bytes; at most %d are allowed", want, at, n, limit)
	}
	return r.take(n)
}

// integer reads a signed integer of 64 bits.
func (r *reader) integer() (int64, error) {
	at := r.off
	h, err := r.head()
	if err != nil {
		return 0, err
	}
	if h.major > majorNegative {
		return 0, fmt.Errorf("%s at byte %d; want an integer", h.major, at)
	}
	if h.argument > 1<<63-1 {
		return 0, fmt.Errorf("integer at byte %d does not fit in 64 bits with a sign", at)
	}
	if h.major == majorNegative {
		return ^int64(h.argument), nil
	}
	return int64(h.argument), nil
}

// unsigned reads an integer of 0 to 2^63-1.
func (r *reader) unsigned() (int64, error) {
	at := r.off
	n, err := r.expect(majorUint)
	if err != nil {
		return 0, err
	}
	if n > 1<<63-1 {
		return 0, fmt.Errorf("integer at byte %d is over 2^63-1", at)
	}
	return int64(n), nil
}

func errCutShort(at int) error {
	return fmt.Errorf("cut short at byte %d", at)
}
