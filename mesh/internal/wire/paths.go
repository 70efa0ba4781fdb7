package wire

import "fmt"

// A path is said once on a link: the exporter tells the reader which number stands for it, and once
// the reader has said that it knows, events have the number in its place. See [AppendShort]. So who
// gets an event can always read it, whatever was lost before. A reader is told of the paths of its
// own events alone.

// Paths is what an exporter tells a reader.
type Paths struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Nonce         ID // the reader's
	Paths         []NumberedPath
}

// NumberedPath is a path, and the number of 32 bits that stands for it. A process of an exporter
// has at most MaxLinkPaths, which differ in their lower bits alone: from [FirstNumber] on, each by
// its [Index]. The process's runs have the same upper bits, see [AppendPlace].
type NumberedPath struct {
	_      struct{} `cbor:",toarray"`
	Number uint64
	Steps  []string
}

// KnownPaths is what a reader answers: numbers that it knows from now on.
type KnownPaths struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Nonce         ID
	Numbers       []uint64
}

// FirstNumber is the first number that the process can give which gave this one.
func FirstNumber(number uint64) uint64 { return number &^ (MaxLinkPaths - 1) }

// Index is what a number is above the first of its process.
func Index(number uint64) uint64 { return number % MaxLinkPaths }

func (p *Paths) check() error {
	for _, path := range p.Paths {
		switch {
		case path.Number > maxNumber:
			return malformed("talk: a path has number %d; the largest is %d", path.Number, uint64(maxNumber))
		case FirstNumber(path.Number) != FirstNumber(p.Paths[0].Number):
			return malformed("talk: numbers %d and %d are not of one process", p.Paths[0].Number, path.Number)
		case len(path.Steps) == 0 || len(path.Steps) > MaxPathSteps:
			return malformed("talk: path %d has %d steps; it has 1 to %d", path.Number, len(path.Steps), MaxPathSteps)
		}
		for _, step := range path.Steps {
			if err := CheckStep(step); err != nil {
				return malformed("talk: path %d: %w", path.Number, err)
			}
		}
	}
	return nil
}

// Dictionary is what a reader knows of the numbers of an exporter's paths. It never changes: see
// [Dictionary.Learn]. The nil Dictionary knows none.
type Dictionary struct {
	first uint64     // the number of the first path
	paths [][][]byte // nil: not known
	bytes int        // of all steps
}

// Learn returns a dictionary that knows what an exporter tells, too; what another process told it
// forgets. Errors: ErrMalformed, for more bytes than a dictionary may have.
func (d *Dictionary) Learn(told []NumberedPath) (*Dictionary, error) {
	if len(told) == 0 {
		return d, nil
	}
	learned := &Dictionary{first: FirstNumber(told[0].Number)}
	if d != nil && d.first == learned.first {
		learned.paths, learned.bytes = append(learned.paths, d.paths...), d.bytes
	}
	for _, path := range told {
		at := int(path.Number - learned.first)
		for len(learned.paths) <= at {
			learned.paths = append(learned.paths, nil)
		}
		if learned.paths[at] != nil {
			continue // a number stands for one path
		}
		for _, step := range path.Steps {
			learned.paths[at] = append(learned.paths[at], []byte(step))
			learned.bytes += len(step)
		}
	}
	if learned.bytes > MaxLinkPathBytes {
		return d, malformed("talk: %d bytes of paths; a dictionary has at most %d", learned.bytes, MaxLinkPathBytes)
	}
	return learned, nil
}

// Path returns the steps of the path that a number stands for; nil if that is not known.
func (d *Dictionary) Path(number uint64) [][]byte {
	if d == nil || number < d.first || number-d.first >= uint64(len(d.paths)) {
		return nil
	}
	return d.paths[number-d.first]
}

// path is Path, and an error for nil.
func (d *Dictionary) path(number uint64) ([][]byte, error) {
	if path := d.Path(number); path != nil {
		return path, nil
	}
	return nil, fmt.Errorf("number %d is of no path that this node was told", number)
}
