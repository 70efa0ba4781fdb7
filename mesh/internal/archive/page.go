package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/fxamacker/cbor/v2"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

// A page has records of one cascade: its length and its checksum, four bytes each, and CBOR. What
// was written last when the process was killed may be half a page, and is not believed.
const (
	pageHead = 8
	// maxPage bounds the CBOR of a page, unless one record alone has more.
	maxPage = 16 << 10
	// maxPageRead is more than one record can have.
	maxPageRead = 1 << 20
)

// page is the CBOR of a page.
type page struct {
	Root    cause.ID     `cbor:"1,keyasint"`
	Records []why.Record `cbor:"2,keyasint"`
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	decoder    = newDecoder()
)

func newDecoder() cbor.DecMode {
	mode, err := cbor.DecOptions{MaxNestedLevels: 8, MaxArrayElements: maxRecords + 16, MaxMapPairs: 64,
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("archive: decoder: %v", err))
	}
	return mode
}

// encodePage makes a page of the first records, and returns how many it has.
func encodePage(root cause.ID, records []why.Record) (data []byte, n int, err error) {
	for n = min(len(records), 32); ; n /= 2 {
		data, err = cbor.Marshal(page{root, records[:n]})
		if err != nil {
			return nil, 0, fmt.Errorf("encode a cascade: %w", err)
		}
		if len(data) <= maxPage || n == 1 {
			break
		}
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(data, castagnoli))
	return append(head, data...), n, nil
}

// errDamaged says that a page is not what was written.
var errDamaged = errors.New("a page is cut or was changed, and what stands behind it cannot be found")

// eachPage calls found for the records of all pages. With nil it only looks whether they are whole,
// which is much faster.
func eachPage(data []byte, found func(why.Record)) error {
	for len(data) > 0 {
		if len(data) < pageHead {
			return errDamaged
		}
		length, sum := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
		data = data[pageHead:]
		if length > maxPageRead || int(length) > len(data) || crc32.Checksum(data[:length], castagnoli) != sum {
			return errDamaged
		}
		if found == nil {
			data = data[length:]
			continue
		}
		var p page
		if err := decoder.Unmarshal(data[:length], &p); err != nil {
			return fmt.Errorf("a page that was made by another version: %w", err)
		}
		for _, r := range p.Records {
			found(r)
		}
		data = data[length:]
	}
	return nil
}
