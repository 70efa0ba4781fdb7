package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/sealed"
)

// ErrOlder says that the database of a node's state is older than its data directory.
var ErrOlder = errors.New("the database of the node's state is older than the data directory")

const (
	// markEvery is the time between two marks, which a killed node may lack.
	markEvery = time.Minute
	// markLimit bounds how long the database has for one.
	markLimit = 5 * time.Second
)

var stateFormat = sealed.Format{
	Kind: "state", Version: 1, Max: 4 << 10,
	Remedy: "restore it from a backup, or empty it: exporters then give again what they still have",
}

// noted is what the directory has of the database.
type noted struct {
	Node string `cbor:"1,keyasint"` // whose mark it is
	Mark uint64 `cbor:"2,keyasint"` // the database has this one, or a higher one
	At   int64  `cbor:"3,keyasint"` // when it was set, unix ms
}

// pair sees to it that the database of the node's state is not older than the directory: what was
// handled since then is taken as handled, and would not come again. Both have a mark that grows. It
// is on the disk in the database before the directory has it, so a crash in between leaves the
// database ahead, which loses nothing.
type pair struct {
	state config.State
	node  string
	data  string
	log   *slog.Logger
	noted noted
	end   chan struct{} // closed to end the goroutine
	ended chan struct{}
}

// openPair compares the directory of a node with its database, and goes on to mark both. Where
// somebody has emptied the file, as the error says, nothing counts as handled; so it is where the
// file is gone, and not new.
func openPair(ctx context.Context, c config.Node, bookmarks *inlet.Bookmarks, log *slog.Logger) (*pair, error) {
	p := &pair{state: c.State, node: c.Name, data: string(c.Data), log: log, end: make(chan struct{}), ended: make(chan struct{})}
	emptied, err := p.read()
	if err != nil {
		return nil, err
	}
	has, err := p.compare(ctx)
	if err != nil {
		return nil, err
	}
	if (emptied || p.noted.Mark == 0 && has > 0) && bookmarks.Rewind() {
		if err := bookmarks.Save(); err != nil { // before the mark says that all is well
			return nil, err
		}
		log.Warn("nothing counts as handled, as somebody emptied a file or removed it: exporters give again what they still have", "file", p.path())
	}
	if err := p.mark(ctx); err != nil {
		p.warn(err)
	}
	go p.run()
	return p, nil
}

// read reads the directory's note. It reports whether somebody has emptied it: a crash does not.
func (p *pair) read() (emptied bool, err error) {
	p.noted = noted{Node: p.node}
	info, err := os.Stat(p.path())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && info.Size() > 0 {
		err = stateFormat.Read(p.path(), &p.noted)
	}
	if err != nil {
		return false, fmt.Errorf("compare the database of the node's state with %s: %w", p.data, err)
	}
	return info.Size() == 0, nil
}

func (p *pair) path() string { return filepath.Join(p.data, "state") }

// compare returns the mark that the database has.
func (p *pair) compare(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, markLimit)
	defer cancel()
	has, err := p.state.Mark(ctx, p.noted.Node)
	if err != nil {
		return 0, fmt.Errorf("compare the database of the node's state with %s: %w", p.data, err)
	}
	if has >= p.noted.Mark {
		return has, nil
	}
	return 0, fmt.Errorf("%w %s: it has mark %d, and had %d at %s; so it was put back from an older copy, or is another one, and what was handled since then "+
		"would not come again: put back the data directory too, as it was copied with the database; or, to go on with both as they are, empty the file %s: "+
		"exporters then give again what they still have, and the rest of it is lost",
		ErrOlder, p.data, has, p.noted.Mark, time.UnixMilli(p.noted.At).UTC().Format(time.RFC3339), p.path())
}

// mark raises the mark, first in the database.
func (p *pair) mark(ctx context.Context) error {
	has, err := p.compare(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, markLimit)
	defer cancel()
	next := noted{Node: p.node, Mark: has + 1, At: time.Now().UnixMilli()}
	if err := p.state.SetMark(ctx, next.Node, next.Mark); err != nil {
		return fmt.Errorf("mark the database of the node's state: %w", err)
	}
	if err := stateFormat.Write(p.path(), next); err != nil {
		return err
	}
	p.noted = next
	return nil
}

// run marks both each minute.
func (p *pair) run() {
	defer close(p.ended)
	ticker := time.NewTicker(markEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := p.mark(context.Background()); err != nil {
				p.warn(err)
			}
		case <-p.end:
			return
		}
	}
}

// warn tells of a mark that was not set.
func (p *pair) warn(err error) {
	if errors.Is(err, ErrOlder) {
		p.log.Error("database was replaced by an older one while the node ran", "error", err, "remedy", "stop the node, and do what the error says")
		return
	}
	p.log.Warn("database not marked: a copy of it that is made now and put back later alone may not be noticed", "error", err,
		"remedy", "see that the database can be written, and the folder "+p.data+"; it tries again each minute")
}

// close marks both for the last time. The nil pair has nothing to mark.
func (p *pair) close() error {
	if p == nil {
		return nil
	}
	close(p.end)
	<-p.ended
	return p.mark(context.Background())
}
