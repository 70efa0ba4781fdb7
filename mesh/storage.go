package mesh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/outbox"
)

// What a node keeps in its data directory.
const (
	outboxFolder  = "outbox"
	lettersFolder = "letters"
	bookmarkFile  = "bookmark"
	lockFile      = "lock"
	serviceFile   = "service" // whose it is
)

// maxLetters bounds the durable dead letters of a node. Past it events that are
// given up stay in the outbox they came from, and come again.
const maxLetters = 10_000

// storageRoom is what JetStream may take beyond the events, for what it remembers of
// consumers, as a share of the events' bytes.
const storageRoom = 4

// outboxSpec says what the embedded server is to keep, or nil.
func (n *Node) outboxSpec() *leaf.Outbox {
	if len(n.config.DurableExports()) == 0 {
		return nil
	}
	o := n.config.Outbox
	spec := &leaf.Outbox{Dir: filepath.Join(string(n.config.Data), outboxFolder), MaxBytes: o.MaxBytes + o.MaxBytes/storageRoom}
	if o.Sync == config.SyncAlways {
		spec.SyncAlways = true
	} else {
		spec.SyncInterval = time.Duration(o.Sync)
	}
	return spec
}

// consumersOf lists what the instances of a service may read from this node's
// outbox.
func consumersOf(c Config, service string) (names []string) {
	for _, e := range c.DurableExports() {
		for _, s := range e.KeptFor {
			if s == service {
				names = append(names, outbox.ConsumerName(s, e.Event))
			}
		}
	}
	return names
}

// inOptions are those of the connection to account in.
func (n *Node) inOptions() []nats.Option {
	return []nats.Option{nats.CustomInboxPrefix(leaf.InboxPrefix(n.name))}
}

// openStorage opens what the node keeps on disk, if it keeps anything.
func (n *Node) openStorage(ctx context.Context) error {
	if !n.config.IsDurable() {
		return nil
	}
	data := string(n.config.Data)
	err := n.lockData(data)
	if err != nil {
		return fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	if n.letters, err = letters.Open(filepath.Join(data, lettersFolder), maxLetters); err != nil {
		return fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	if n.bookmarks, err = openBookmarks(filepath.Join(data, bookmarkFile)); err != nil {
		return fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	return n.openOutbox(ctx)
}

// lockData keeps other processes from the data directory: two nodes there would each
// overwrite what the other keeps. The operating system drops the lock when the
// process ends, however it ends.
func (n *Node) lockData(data string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	lock := flock.New(filepath.Join(data, lockFile), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the data directory: %w", err)
	}
	if !locked {
		return fmt.Errorf("the data directory %s is in use by another node: give each node one of its own", data)
	}
	n.dataLock = lock
	return n.claimData(data)
}

// claimData keeps nodes of another service from the data directory: they would drop
// what is kept there, as it is of types that they do not export. An instance may take
// over from another one; who imports from it is told.
func (n *Node) claimData(data string) error {
	path := filepath.Join(data, serviceFile)
	owner, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look whose the data directory is: %w", err)
	}
	own := config.ServiceOf(n.name)
	switch strings.TrimSpace(string(owner)) {
	case own:
		return nil
	case "": // a new one, or the machine crashed while it was written
		if err := os.WriteFile(path, []byte(own+"\n"), 0o600); err != nil {
			return fmt.Errorf("note whose the data directory is: %w", err)
		}
		return nil
	}
	return fmt.Errorf("the data directory %s is that of a node of service %.80q: give %s one of its own (or remove %s, if the service was renamed: "+
		"what is kept for others under its old name is then dropped)", data, strings.TrimSpace(string(owner)), n.name, path)
}

func (n *Node) openOutbox(ctx context.Context) (err error) {
	exports := n.config.DurableExports()
	if len(exports) == 0 {
		return nil
	}
	o := n.config.Outbox
	c := outbox.Config{Node: n.name, Dir: filepath.Join(string(n.config.Data), outboxFolder),
		MaxAge: o.MaxAge, MaxBytes: o.MaxBytes, MaxMessages: o.MaxEvents, Reset: n.leaf.ResetOutbox, Logger: n.log}
	if o.Sync != config.SyncAlways {
		c.SyncInterval = time.Duration(o.Sync)
	}
	for _, e := range exports {
		c.Types = append(c.Types, outbox.Type{Subject: e.Event, Services: e.KeptFor})
	}
	if n.outbox, err = outbox.Open(ctx, n.out, c); err != nil {
		return fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	return nil
}

// startDurableImports begins to take events out of the peers' outboxes.
func (n *Node) startDurableImports() error {
	for _, i := range n.config.Imports {
		if !i.Durable {
			continue
		}
		list, err := n.newDurableImports(i)
		if err != nil {
			return err
		}
		n.durables = append(n.durables, list...)
	}
	if len(n.durables) == 0 {
		return nil
	}
	for _, d := range n.durables {
		n.durableRuns.Go(d.run)
		n.durableRuns.Go(d.admit)
	}
	n.keeper.Go(n.keep)
	return nil
}

// keep looks after the events that were taken and are not handled, and after the
// bookmarks, until the node's handlers have ended.
func (n *Node) keep() {
	alive, save := time.NewTicker(keepAlive), time.NewTicker(time.Second)
	defer alive.Stop()
	defer save.Stop()
	for {
		select {
		case <-alive.C:
			for _, d := range n.durables {
				d.keepAlive()
			}
		case <-save.C:
			if err := n.bookmarks.save(); err != nil {
				n.logRarely("bookmarks not saved", "error", err)
			}
		case <-n.handling.Done():
			return
		}
	}
}

// closeStorage ends what openStorage began, once no handler runs any more.
func (n *Node) closeStorage(ctx context.Context) error {
	n.keeper.Wait()
	var errs []error
	if n.bookmarks != nil {
		errs = append(errs, n.bookmarks.save())
	}
	if n.outbox != nil {
		errs = append(errs, n.outbox.Close(ctx))
	}
	if n.letters != nil {
		n.letters.Close() // a handler that is stuck may give an event up when the directory is another's
	}
	if n.dataLock != nil {
		errs = append(errs, n.dataLock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("mesh: close node %s: %w", n.name, err)
	}
	return nil
}
