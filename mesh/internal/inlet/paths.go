package inlet

import (
	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// paths are those that the numbers in short events of an exporter stand for: see wire.Paths. They
// never change.
type paths struct {
	told *wire.Dictionary
	of   map[uint64]*cause.Path // by their numbers: all that told knows
}

// dictionary is what events are decoded with. The nil paths have an empty one.
func (p *paths) dictionary() *wire.Dictionary {
	if p == nil {
		return nil
	}
	return p.told
}

// learn takes what the exporter tells of paths, and lets it be answered.
func (t *talk) learn(told []wire.NumberedPath) error {
	before := t.paths.Load()
	dictionary, err := before.dictionary().Learn(told)
	if err != nil {
		return err
	}
	learned := &paths{told: dictionary, of: map[uint64]*cause.Path{}}
	if before != nil {
		for number, path := range before.of {
			if dictionary.Path(number) != nil {
				learned.of[number] = path
			}
		}
	}
	var numbers []uint64
	for _, path := range told {
		learned.of[path.Number] = t.Paths.Walk(dictionary.Path(path.Number))
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
	if len(numbers) == 0 || !t.up {
		return
	}
	if err := t.say(&wire.KnownPaths{Nonce: t.nonce, Numbers: numbers}); err != nil {
		t.Log.Warn("an exporter is not told which paths are known", "peer", t.exporter, "error", err)
	}
}
