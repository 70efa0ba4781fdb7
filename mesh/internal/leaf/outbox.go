package leaf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
)

// Stream is the one JetStream stream of a server: its outbox, in account Store.
const Stream = "OUTBOX"

// formerStore is the account that the outbox lay in before there was one for it.
const formerStore Account = "out"

// lockName is the file in an outbox's directory that the process holds locked.
const lockName = "lock"

// Outbox turns JetStream on, for account Store alone.
type Outbox struct {
	// Dir is the store directory. It is made, with mode 0700, if it is missing, and
	// locked: one process at a time has it open.
	Dir string
	// MaxBytes bounds the messages in the stream, with their headers. Give it more than
	// the stream's own bound. 1 or more.
	MaxBytes int64
	// SyncAlways syncs a file to the disk (fsync) after each write, before the
	// publisher has its answer: nothing that was answered is lost when the machine
	// crashes. It goes before SyncInterval.
	SyncAlways bool
	// SyncInterval is the time between syncs: what was written since may be lost when
	// the machine crashes, not when the process does, for each write has reached
	// the operating system before its answer. 0 means DefaultSyncInterval.
	SyncInterval time.Duration
}

// DefaultSyncInterval is the SyncInterval of an Outbox that gives none.
const DefaultSyncInterval = time.Second

func (o *Outbox) validate() error {
	if o == nil {
		return nil
	}
	var problems []error
	if o.Dir == "" {
		problems = append(problems, errors.New("outbox: no directory"))
	}
	if o.MaxBytes < 1 {
		problems = append(problems, fmt.Errorf("outbox: max bytes %d: want 1 or more", o.MaxBytes))
	}
	if o.SyncInterval < 0 {
		problems = append(problems, fmt.Errorf("outbox: sync interval %v: want 0 (%v) or more", o.SyncInterval, DefaultSyncInterval))
	}
	return errors.Join(problems...)
}

// prepare makes the directory and locks it. JetStream itself lets two servers share a
// directory, and each then destroys what the other wrote.
func (o *Outbox) prepare() (*flock.Flock, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the outbox's directory %s: %w", o.Dir, err)
	}
	lock := flock.New(filepath.Join(o.Dir, lockName), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the outbox's directory %s: %w", o.Dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("outbox %s: another process has it open: stop that one, or give this node a directory of its own", o.Dir)
	}
	if err := errors.Join(o.takeOver(), o.forgetIndex()); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// streamDir is where JetStream keeps the stream's files, if it is in that account.
func (o *Outbox) streamDir(account Account) string {
	return filepath.Join(o.Dir, "jetstream", string(account), "streams", Stream)
}

// takeOver moves a stream that was stored in account Out to account Store. JetStream's
// files do not say whose they are. A rename is there as a whole or not at all: after a
// kill, or a crash of the machine, the next start goes on from either.
func (o *Outbox) takeOver() error {
	from, to := o.streamDir(formerStore), o.streamDir(Store)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("outbox %s: there are two, %s and %s: a former version of this program ran after this one."+
			" Move the one that is not to be used elsewhere", o.Dir, from, to)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("take the outbox over: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("take the outbox over: %w", err)
	}
	// What is left of the former place is not read any more, and goes if it is empty.
	for dir := filepath.Dir(from); filepath.Base(dir) != "jetstream" && os.Remove(dir) == nil; {
		dir = filepath.Dir(dir)
	}
	return nil
}

// forgetIndex removes what JetStream remembers of its files, so that it reads all of
// them at the start and finds what is damaged now, and not when a message is asked
// for. A process that was killed leaves no index either.
func (o *Outbox) forgetIndex() error {
	indexes, err := fs.Glob(os.DirFS(o.Dir), "jetstream/*/streams/*/msgs/index.db") // Dir is no pattern
	for _, index := range indexes {
		err = errors.Join(err, os.Remove(filepath.Join(o.Dir, filepath.FromSlash(index))))
	}
	if err != nil {
		return fmt.Errorf("remove the index of the outbox: %w", err)
	}
	return nil
}

// unbounded is the server's limit in bytes; the account's is the one that counts. The
// server never gives back what an account held that was disabled, see ResetOutbox.
const unbounded = 1 << 60

// renderJetStream writes the server's part. Memory is as good as none: 0 would mean
// three quarters of the machine's. There is no domain: a server with one maps the API
// into the account of each link.
func (s Spec) renderJetStream(b *strings.Builder) {
	if s.Outbox == nil {
		return
	}
	sync := quote("always")
	if !s.Outbox.SyncAlways {
		sync = quote(s.Outbox.SyncInterval.String())
	}
	fmt.Fprintf(b, "jetstream {\n  store_dir: %s\n", quote(s.Outbox.Dir))
	fmt.Fprintf(b, "  max_memory_store: 1\n  max_file_store: %d\n  sync_interval: %s\n}\n", int64(unbounded), sync)
}

// renderStore writes account Store.
func (s Spec) renderStore(b *strings.Builder, own credentials) {
	if s.Outbox == nil {
		return
	}
	fmt.Fprintf(b, "  %s {\n    jetstream { max_memory: 0, max_file: %d, max_streams: 1 }\n    users [\n", Store, s.Outbox.MaxBytes)
	own.render(b, Store)
	b.WriteString("    ]\n  }\n")
}

// ResetOutbox closes the outbox's files and reads them anew: after a write that failed,
// such as on a full disk, JetStream refuses all others until then. What was
// acknowledged is there again; the rest of the server is not touched. Who reads the
// stream gets no answer to what was asked before, and asks again.
func (s *Server) ResetOutbox() error {
	s.linking.Lock()
	defer s.linking.Unlock()
	spec := s.currentSpec()
	if s.isStopping() {
		return fmt.Errorf("reset the outbox of %s: %w", spec.Name, ErrStopped)
	}
	if spec.Outbox == nil {
		return fmt.Errorf("reset the outbox of %s: it has none", spec.Name)
	}
	account, err := s.nats.LookupAccount(string(Store))
	if err != nil {
		return fmt.Errorf("reset the outbox of %s: %w", spec.Name, err)
	}
	if account.JetStreamEnabled() {
		if err := account.DisableJetStream(); err != nil {
			return fmt.Errorf("reset the outbox of %s: close it: %w", spec.Name, err)
		}
	}
	// What renderStore writes; -1 is no limit.
	limits := server.JetStreamAccountLimits{
		MaxStore:             spec.Outbox.MaxBytes,
		MaxStreams:           1,
		MaxConsumers:         -1,
		MaxAckPending:        -1,
		MemoryMaxStreamBytes: -1,
		StoreMaxStreamBytes:  -1,
	}
	if err := account.EnableJetStream(map[string]server.JetStreamAccountLimits{"": limits}, nil); err != nil {
		return fmt.Errorf("reset the outbox of %s: open it: %w", spec.Name, err)
	}
	return nil
}
