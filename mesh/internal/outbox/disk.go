package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The reserve is a file that only takes up room. On a full disk nothing can be removed
// from a stream, because JetStream writes down what it removes. Then the
// reserve goes, what all services have taken is removed, and new messages are
// refused until there is room for the reserve again.
const (
	reserveName = "outbox.reserve"
	reserveSize = 1 << 20
)

func reservePath(dir string) string { return filepath.Join(dir, reserveName) }

// makeReserve writes the file. It wants twice the room, so that the next few messages
// don't fill the disk again, and looks before it writes: an attempt on a full disk
// would take the last of it from everybody else. The file has no hole, for some file
// systems give room only to what was written.
func makeReserve(dir string) error {
	left, err := room(dir)
	if err == nil && left < 2*reserveSize {
		err = fmt.Errorf("%s has %d bytes left, and needs %d", dir, left, 2*reserveSize)
	}
	if err != nil {
		return err
	}
	if err := writeSynced(reservePath(dir), bytes.Repeat([]byte("reserve\n"), reserveSize/8)); err != nil {
		return errors.Join(err, dropReserve(dir))
	}
	return nil
}

func dropReserve(dir string) error {
	if err := os.Remove(reservePath(dir)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// disk says whether the outbox can be written. It belongs to the trimmer's goroutine.
type disk struct {
	outbox *Outbox
	stale  bool // JetStream has to read its files anew
}

// fail refuses new messages, ends those that wait for an answer, which may not come any
// more, and gives the reserve away.
func (d *disk) fail(why error) {
	o := d.outbox
	d.stale = true
	// Of why only the text: whoever stores may look for errors of its own, such as a context's.
	err := fmt.Errorf("%w in %s: %v", ErrDisk, o.config.Dir, why)
	if !o.unwritable.CompareAndSwap(nil, &err) {
		return
	}
	o.config.Log.Error("the outbox cannot be written: it refuses messages until it can", "dir", o.config.Dir, "error", why,
		"remedy", "free the disk at "+o.config.Dir+", or put back what was removed there; then it goes on by itself")
	if err := dropReserve(o.config.Dir); err != nil {
		o.config.Log.Error("give away the reserve of the outbox", "error", err)
	}
	d.abandon(why)
}

// diskError says why the outbox cannot be written; nil if it can.
func (o *Outbox) diskError() error {
	if err := o.unwritable.Load(); err != nil {
		return *err
	}
	return nil
}

// presenceInterval is how often the outbox looks whether its files are still where they were.
// JetStream goes on to write into files that were removed, until it needs the next one.
const presenceInterval = 50 * time.Millisecond

// missing says that the outbox's files were removed under way; nil if they are there. It costs two
// looks into a directory. What was removed may come back: then it is read anew.
func (d *disk) missing() error {
	o := d.outbox
	for _, path := range []string{filepath.Join(o.config.Dir, markName), o.streamDir()} {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("it was removed while it is in use: put it back, or restart the node: %w", err)
		}
	}
	return nil
}

// reset makes JetStream read its files anew, if it has to.
func (d *disk) reset() error {
	if !d.stale {
		return nil
	}
	if err := d.outbox.config.Reset(); err != nil {
		return err
	}
	d.stale = false
	d.abandon(errors.New("the files were read anew")) // sent before new messages were refused
	return nil
}

func (d *disk) abandon(why error) {
	d.outbox.sender.abandon(fmt.Errorf("%w: %w", ErrDisk, why))
}

// codePurgeFailed is nats-server's, which nats.go does not name: the stream's files could
// not be written.
const codePurgeFailed jetstream.ErrorCode = 10051

// isWriteError reports whether the mark or the stream could not be written.
func isWriteError(err error) bool {
	var file *fs.PathError
	var rename *os.LinkError
	var api *jetstream.APIError
	return errors.As(err, &file) || errors.As(err, &rename) || errors.As(err, &api) && api.ErrorCode == codePurgeFailed
}

// recover lets messages in again when there is room for the reserve.
func (d *disk) recover() {
	o := d.outbox
	if d.stale || o.diskError() == nil || makeReserve(o.config.Dir) != nil {
		return
	}
	o.unwritable.Store(nil)
	o.config.Log.Warn("the outbox can be written again", "dir", o.config.Dir)
}
