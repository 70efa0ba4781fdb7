package inlet

import (
	"slices"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// paths are those that the numbers in short events of an exporter stand for: see wire.Paths. They
// never change.
type paths struct {
	told *wire.Dictionary
	of   []*cause.Path // by the indices of their numbers; nil: not known
	// former are those of the exporter's process before, of which events may still wait in the
	// client.
	former *paths
}

// dictionary is what events are decoded with. The nil paths have an empty one.
func (p *paths) dictionary() *wire.Dictionary {
	if p == nil {
		return nil
	}
	return p.told
}

// from returns the paths that a process of the exporter has told; nil for none.
func (p *paths) from(process uint64) *paths {
	for ; p != nil; p = p.former {
		if p.told.IsOf(process) {
			return p
		}
	}
	return nil
}

// path is that of a number which the dictionary knows.
func (p *paths) path(number uint64) *cause.Path { return p.of[wire.Index(number)] }

// learn takes what the exporter tells of paths, and lets it be answered.
func (t *talk) learn(told []wire.NumberedPath) error {
	if len(told) == 0 {
		return nil
	}
	before := t.paths.Load()
	dictionary, err := before.dictionary().Learn(told)
	if err != nil {
		return err
	}
	learned := &paths{told: dictionary}
	switch process := wire.ProcessOf(told[0].Number); {
	case before.dictionary().IsOf(process):
		learned.of, learned.former = slices.Clone(before.of), before.former
	case before != nil:
		learned.former = &paths{told: before.told, of: before.of} // and no longer what was before that
	}
	var numbers []uint64
	for _, path := range told {
		at := int(wire.Index(path.Number))
		if at >= len(learned.of) {
			learned.of = append(learned.of, make([]*cause.Path, at+1-len(learned.of))...)
		}
		if now := learned.of[at]; now == nil || !slices.Equal(now.Steps(), path.Steps) {
			learned.of[at] = t.Paths.Walk(dictionary.Path(path.Number))
		}
		numbers = append(numbers, path.Number)
	}
	t.paths.Store(learned)
	t.mu.Lock()
	t.learned = append(t.learned, numbers...)
	t.mu.Unlock()
	t.answers.rouse()
	return nil
}

// tellPaths tells the exporter which numbers are known now. If that does not arrive the exporter
// tells them again.
func (t *talk) tellPaths() {
	t.mu.Lock()
	numbers := t.learned
	t.learned = nil
	t.mu.Unlock()
	if !t.up {
		return
	}
	for some := range slices.Chunk(numbers, wire.MaxLinkPaths) {
		if err := t.say(&wire.KnownPaths{Nonce: t.nonce, Numbers: some}); err != nil {
			t.Log.Warn("an exporter is not told which paths are known", "peer", t.exporter, "error", err)
		}
	}
}

// pathsOf are the paths that an event needs which came out of the exporter's outbox; nil for a
// whole one. It is not ok if the exporter has not told the event's number.
func (t *talk) pathsOf(event []byte) (p *paths, ok bool) {
	number, short := wire.ShortNumber(event)
	if !short {
		return nil, true
	}
	p = t.paths.Load().from(wire.ProcessOf(number))
	return p, p.dictionary().Path(number) != nil
}
