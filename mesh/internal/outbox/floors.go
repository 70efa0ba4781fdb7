package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/sealed"
)

// floorsName is the file, beside the mark, that tells which events each service has handled.
const floorsName = "outbox.floors"

// floorsFile is how it is written: whole or not at all, with a checksum. JetStream's own files of
// consumers have none: a single bit lost 640 of 3,000 messages in silence.
var floorsFile = sealed.Format{Kind: "floors of an outbox", Version: 2, Max: 256 << 20, Remedy: "see the outbox"}

// formerFloors is what a former version wrote, whose messages had one event each: it has sequences
// in place of numbers.
var formerFloors = sealed.Format{Kind: floorsFile.Kind, Version: 1, Max: floorsFile.Max, Remedy: floorsFile.Remedy}

// floors is what the file holds.
type floors struct {
	// Identity is the stream's.
	Identity string      `cbor:"1,keyasint"`
	Shelves  []shelfFile `cbor:"2,keyasint"`
}

// shelfFile is what the file has of a shelf.
type shelfFile struct {
	Subject string        `cbor:"1,keyasint"`
	Service string        `cbor:"2,keyasint"`
	Came    bool          `cbor:"3,keyasint"`
	State   handout.State `cbor:"4,keyasint"`
	// Sure is what readers remember, by their name.
	Sure map[string]uint64 `cbor:"6,keyasint,omitempty"`
	// Waits is what waits for a service with a bound.
	Waits *handout.Sum `cbor:"5,keyasint,omitempty"`
}

func (o *Outbox) floorsPath() string { return filepath.Join(o.config.Dir, floorsName) }

// readFloors reads the file; nil if there is none.
func (o *Outbox) readFloors(identity string) (*floors, error) {
	var f floors
	err := floorsFile.Read(o.floorsPath(), &f)
	var damaged *sealed.DamagedError
	if former := new(floors); errors.As(err, &damaged) && formerFloors.Read(o.floorsPath(), former) == nil {
		f, err = former.renumber(), nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.As(err, &damaged):
		return nil, o.floorsDamaged(damaged.Cause.Error())
	case err != nil:
		return nil, err
	case f.Identity != identity:
		return nil, o.floorsDamaged(fmt.Sprintf("it is of another stream (%s) than the one that is here (%s)", f.Identity, identity))
	}
	return &f, nil
}

// renumber makes numbers of sequences. What readers remember is left out: they remember sequences
// of the former version, and would seem to be restored from an older copy beside numbers.
func (f *floors) renumber() floors {
	for i := range f.Shelves {
		f.Shelves[i].State = f.Shelves[i].State.Renumber(lastNumber)
		f.Shelves[i].Sure = nil
	}
	return *f
}

func (o *Outbox) floorsDamaged(problem string) error {
	return &DamagedError{Dir: o.config.Dir, File: o.floorsPath(), Problem: problem, Accept: o.floorsPath()}
}

// find is what the file has of a shelf; nil if nothing.
func (f *floors) find(subject, service string) *shelfFile {
	i := slices.IndexFunc(f.Shelves, func(s shelfFile) bool { return s.Subject == subject && s.Service == service })
	if i < 0 {
		return nil
	}
	return &f.Shelves[i]
}

// keeper is the goroutine that saves the floors when they have changed. It is apart from the
// library's, which waits for no disk.
type keeper struct {
	library *library
	saving  sync.Mutex
	failed  func(error) // a save failed
	quit    chan struct{}
	ended   chan struct{}
}

func newKeeper(l *library, failed func(error)) *keeper {
	return &keeper{library: l, failed: failed, quit: make(chan struct{}), ended: make(chan struct{})}
}

// stop ends the goroutine, and saves what has changed.
func (k *keeper) stop() error {
	close(k.quit)
	<-k.ended
	if len(k.library.loads) > 0 {
		k.library.with(func() { k.library.changed = true }) // what was stored since then
	}
	return k.save()
}

// saveEvery is the time between two saves. What was settled since comes again after a crash.
const saveEvery = 100 * time.Millisecond

func (k *keeper) run() {
	defer close(k.ended)
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-k.quit:
			return
		case <-ticker.C:
		}
		if err := k.save(); err != nil {
			k.failed(err)
		}
	}
}

// save writes the floors, if they have changed.
func (k *keeper) save() error {
	k.saving.Lock() // what was taken later is written later
	defer k.saving.Unlock()
	l := k.library
	var f *floors
	l.with(func() {
		if l.changed {
			f, l.changed = l.floors(), false
		}
	})
	if f == nil {
		return nil
	}
	err := l.write(f)
	if err != nil {
		l.with(func() { l.changed = true })
	}
	return err
}

// floors is what the file is to hold.
func (l *library) floors() *floors {
	f := &floors{Identity: l.outbox.identity}
	for _, s := range l.shelves {
		file := shelfFile{Subject: s.kind.Subject, Service: s.service, Came: s.came, State: s.State(), Sure: s.sure()}
		if s.load != nil {
			file.Waits = s.load.sum()
		}
		f.Shelves = append(f.Shelves, file)
	}
	return f
}

// write replaces the file. Only what it holds is removed from the stream: otherwise what was
// settled and removed would seem lost after a crash.
func (l *library) write(f *floors) error {
	if err := floorsFile.Write(l.outbox.floorsPath(), f); err != nil {
		return fmt.Errorf("save the floors of the outbox: %w", err)
	}
	for i, s := range l.shelves {
		s.saved.Store(f.Shelves[i].State.Floor)
	}
	return nil
}
