package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"leafmesh/mesh/internal/document"
)

// Size is a number of bytes. Its text form has a unit, "64KiB" or "10MB", or is a number of bytes
// alone.
type Size int64

// sizeUnits are the units of a size's text, the one to prefer first. Only those by 1024 are
// preferred: sizes in memory and on disks are such.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1}, {"", 1},
}

const binaryUnits = 4 // how many of sizeUnits are by 1024

var sizeForm = regexp.MustCompile(`^([0-9][0-9_]*) ?([A-Za-z]*)$`)

// ParseSize reads the text form of a size: a whole number with a unit, as in "64KiB", "10MB" or
// "1GiB", or of bytes, as in "65536". KiB, MiB, GiB and TiB are powers of 1024, and kB, MB, GB and
// TB those of 1000.
func ParseSize(text string) (Size, error) {
	if document.LeadingZeros(text) {
		return 0, fmt.Errorf("size %.80q has leading zeros, which some read as octal: write it without them", text)
	}
	if parts := sizeForm.FindStringSubmatch(text); parts != nil {
		for _, u := range sizeUnits {
			if u.name != parts[2] {
				continue
			}
			n, err := strconv.ParseInt(strings.ReplaceAll(parts[1], "_", ""), 10, 64)
			if err != nil || n > math.MaxInt64/u.bytes {
				return 0, fmt.Errorf("size %.80q is out of range: there are less than 8388608TiB", text)
			}
			return Size(n * u.bytes), nil
		}
	}
	return 0, fmt.Errorf("size %.80q is not a whole number of bytes, KiB, MiB, GiB, TiB, kB, MB, GB or TB, as in 64KiB", text)
}

// UnmarshalText reads the text form, see [ParseSize].
func (s *Size) UnmarshalText(text []byte) error {
	size, err := ParseSize(string(text))
	if err != nil {
		return err
	}
	*s = size
	return nil
}

// MarshalText writes the text form. ParseSize reads exactly the same size from it. A negative size
// has none.
func (s Size) MarshalText() ([]byte, error) {
	if s < 0 {
		return nil, fmt.Errorf("size %d has no text form", int64(s))
	}
	return []byte(s.String()), nil
}

// String returns the size in the largest unit by 1024 of which it is a whole number: "64KiB", and
// "65537".
func (s Size) String() string {
	for _, u := range sizeUnits[:binaryUnits] {
		if s > 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
