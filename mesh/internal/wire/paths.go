package wire

import "fmt"

// A path is said once on a link: the exporter tells the reader which number stands for it, and once
// the reader has said that it knows, events have the number in its place. See [AppendShort]. So who
// gets an event can read it, whatever was lost before. A reader is told of the paths of its own
// events alone.

// Paths is what an exporter tells a reader.
type Paths struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Nonce         ID // the reader's
	Paths         []NumberedPath
}

// NumberedPath is a path, and the number of 32 bits that stands for it: see [ProcessOf] and
// [Index].
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

// ProcessOf is a number, or a run (see [AppendPlace]), without the index: it names the process of
// the exporter that gave it.
func ProcessOf(number uint64) uint64 { return number - Index(number) }

// Index is what tells a number from the others of its process.
func Index(number uint64) uint64 { return number % MaxLinkPaths }

func (p *Paths) check() error {
	if len(p.Paths) > MaxLinkPaths {
		return malformed("talk: %d paths; at most %d are allowed", len(p.Paths), MaxLinkPaths)
	}
	for _, path := range p.Paths {
		switch {
		case path.Number > maxNumber:
			return malformed("talk: a path has number %d; the largest is %d", path.Number, uint64(maxNumber))
		case ProcessOf(path.Number) != ProcessOf(p.Paths[0].Number):
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

func (k *KnownPaths) check() error {
	if len(k.Numbers) > MaxLinkPaths {
		return malformed("talk: %d numbers; at most %d are allowed", len(k.Numbers), MaxLinkPaths)
	}
	return nil
}

// Dictionary is what a reader knows of the numbers that one process of an exporter gave. It never
// changes: see [Dictionary.Learn]. The nil Dictionary knows none.
type Dictionary struct {
	process uint64
	paths   [][][]byte // by their indices; nil: not known
	bytes   int        // of all steps
}

// Learn returns a dictionary that knows what an exporter tells, too; what another process told it
// forgets. What was told last counts. Errors: ErrMalformed, for more bytes than a dictionary may
// have.
func (d *Dictionary) Learn(told []NumberedPath) (*Dictionary, error) {
	if len(told) == 0 {
		return d, nil
	}
	learned := &Dictionary{process: ProcessOf(told[0].Number)}
	if d.IsOf(learned.process) {
		learned.paths, learned.bytes = append(learned.paths, d.paths...), d.bytes
	}
	for _, path := range told {
		at := int(Index(path.Number))
		for len(learned.paths) <= at {
			learned.paths = append(learned.paths, nil)
		}
		for _, step := range learned.paths[at] {
			learned.bytes -= len(step)
		}
		steps := make([][]byte, len(path.Steps))
		for i, step := range path.Steps {
			steps[i] = []byte(step)
			learned.bytes += len(step)
		}
		learned.paths[at] = steps
	}
	if learned.bytes > MaxLinkPathBytes {
		return d, malformed("talk: %d bytes of paths; a dictionary has at most %d", learned.bytes, MaxLinkPathBytes)
	}
	return learned, nil
}

// IsOf reports whether the numbers are those of a process.
func (d *Dictionary) IsOf(process uint64) bool { return d != nil && d.process == process }

// Path returns the steps of the path that a number stands for; nil if that is not known.
func (d *Dictionary) Path(number uint64) [][]byte {
	if at := Index(number); d.IsOf(ProcessOf(number)) && at < uint64(len(d.paths)) {
		return d.paths[at]
	}
	return nil
}

// path is Path, and an error for nil.
func (d *Dictionary) path(number uint64) ([][]byte, error) {
	if path := d.Path(number); path != nil {
		return path, nil
	}
	return nil, fmt.Errorf("number %d is of no path that this node was told", number)
}
