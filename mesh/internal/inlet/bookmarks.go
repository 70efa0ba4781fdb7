package inlet

import (
	"maps"
	"sync"

	"leafmesh/mesh/internal/bookmark"
)

// Bookmarks is what the node remembers of its peers' outboxes, in memory and on disk.
type Bookmarks struct {
	path string

	mu      sync.Mutex
	marks   bookmark.Marks // guarded by mu
	changed bool           // guarded by mu: since they were saved
}

// OpenBookmarks reads what was saved at a path; nothing, if no file is there.
func OpenBookmarks(path string) (*Bookmarks, error) {
	marks, err := bookmark.Load(path)
	if err != nil {
		return nil, err
	}
	return &Bookmarks{path: path, marks: marks}, nil
}

// meet compares an outbox with what is remembered of it, and remembers it as it is now.
func (b *Bookmarks) meet(place bookmark.Place, found bookmark.Mark) bookmark.Finding {
	b.mu.Lock()
	defer b.mu.Unlock()
	finding := bookmark.Compare(b.marks, place, found)
	switch finding.Kind {
	case bookmark.Same:
	case bookmark.Restored:
		b.setLocked(place, found) // said once
	default:
		b.setLocked(place, bookmark.Mark{Stream: found.Stream})
	}
	return finding
}

// mark is what is remembered of an outbox; the zero mark, if nothing is.
func (b *Bookmarks) mark(place bookmark.Place) bookmark.Mark {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.marks[place]
}

// handled remembers that an event was.
func (b *Bookmarks) handled(place bookmark.Place, sequence uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if mark := b.marks[place]; mark.Sequence < sequence {
		mark.Sequence = sequence
		b.setLocked(place, mark)
	}
}

// Rewind forgets how far each outbox was handled, and not which it was, so that its exporter gives
// again what it still has. It reports whether anything was remembered.
func (b *Bookmarks) Rewind() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for place, mark := range b.marks {
		b.setLocked(place, bookmark.Mark{Stream: mark.Stream})
	}
	return len(b.marks) > 0
}

func (b *Bookmarks) setLocked(place bookmark.Place, mark bookmark.Mark) {
	b.marks[place] = mark
	b.changed = true
}

// Save writes what has changed to the disk. Handlers that end an event do not wait for it. One
// goroutine calls it at a time.
func (b *Bookmarks) Save() error {
	marks, changed := b.take()
	if !changed {
		return nil
	}
	err := marks.Save(b.path)
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changed = true // tried again
	}
	return err
}

// take copies the marks, if they have changed since the last time.
func (b *Bookmarks) take() (marks bookmark.Marks, changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.changed {
		return nil, false
	}
	b.changed = false
	return maps.Clone(b.marks), true
}
