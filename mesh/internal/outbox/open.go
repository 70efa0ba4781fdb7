package outbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"leafmesh/mesh/internal/sealed"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/clock"
)

// Outbox is the stream of a node's durable exports. All methods may be called from
// several goroutines at once.
type Outbox struct {
	config   Config
	conn     *nats.Conn
	stream   jetstream.Stream
	identity string // the stream's
	sender   *sender
	library  *library
	keeper   *keeper
	trimmer  *trimmer
	overAge  atomic.Bool // the oldest message is older than MaxAge

	unwritable atomic.Pointer[error] // an ErrDisk since a write failed, see disk; nil: it can be written
}

// Open makes the stream or checks the one that is there, and starts the goroutine that removes what
// every service has taken. The connection is one into the account of the stream of the server that
// has Config.Dir; the outbox does not close it. Errors: a *DamagedError if the stream is not what
// it was when it was last open; what is wrong with the configuration; what the server says.
func Open(ctx context.Context, conn *nats.Conn, c Config) (*Outbox, error) {
	o, err := open(ctx, conn, c.withDefaults())
	if end := clock.EndOf(ctx); err != nil && end != nil && !errors.Is(err, context.Cause(ctx)) {
		err = fmt.Errorf("%w: %w", err, end) // the client knows ctx's error, and not its cause
	}
	if err != nil {
		return nil, fmt.Errorf("open the outbox of %s: %w", c.Node, err)
	}
	return o, nil
}

func open(ctx context.Context, conn *nats.Conn, c Config) (*Outbox, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	o := &Outbox{config: c, conn: conn}
	if err := dropReserve(c.Dir); err != nil { // what follows may need the room
		return nil, fmt.Errorf("give away the reserve: %w", err)
	}
	if err := sealed.Sweep(c.Dir); err != nil {
		return nil, fmt.Errorf("remove what a former process had half written: %w", err)
	}
	m, f, err := o.openStream(ctx, js)
	if err != nil {
		return nil, err
	}
	o.sender = newSender(conn, c)
	if err := o.openLibrary(ctx, f); err != nil {
		return nil, err
	}
	o.trimmer = newTrimmer(o, m)
	o.keeper = newKeeper(o.library, o.trimmer.saveFailed)
	o.sender.full, o.sender.stored, o.sender.bytes = o.trimmer.soon, o.library.stored, o.trimmer.sent
	if err := o.sender.start(); err != nil {
		return nil, err
	}
	if err := makeReserve(c.Dir); err != nil {
		o.trimmer.disk.fail(err)
	}
	o.library.jobs.Go(o.learn)
	go o.library.run()
	go o.keeper.run()
	o.trimmer.look(false) // so that Stats tells all from the start
	go o.trimmer.run()
	return o, nil
}

// openLibrary makes the shelves of what the file has of them, or of nothing, saves them, and
// deletes what told the same in former times.
func (o *Outbox) openLibrary(ctx context.Context, f *floors) error {
	o.library = newLibrary(o)
	last := o.stream.CachedInfo().State.LastSeq
	for _, t := range o.config.Types {
		total, newest, err := o.totalOf(ctx, t.Subject)
		if err != nil {
			return err
		}
		tail := &tail{most: o.config.tuning.tail, from: lastNumber(newest)}
		o.library.tails[t.Subject] = tail
		for _, service := range t.Services {
			o.library.shelves = append(o.library.shelves, o.library.newShelf(t, service, f.find(t.Subject, service), last))
		}
		if len(t.Services) > 0 {
			o.sender.lanes[t.Subject] = &lane{
				subject: t.Subject + "." + groupToken, tail: tail, loads: o.library.loads[t.Subject], total: total, last: newest,
			}
		}
	}
	switch err := o.library.write(o.library.floors()); {
	case isWriteError(err):
		o.library.changed = true // the keeper tries again, and the next Open deletes the consumers
		return nil
	case err != nil:
		return err
	}
	return o.dropConsumers(ctx)
}

// openStream makes the stream, or checks what is there and gives it the configuration of now. It
// returns the mark as it is on the disk, and what is known of the shelves.
func (o *Outbox) openStream(ctx context.Context, js jetstream.JetStream) (mark, *floors, error) {
	m, err := readMark(o.config.Dir)
	if err != nil {
		return mark{}, nil, err
	}
	o.stream, err = js.Stream(ctx, Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		m, err := o.makeStream(ctx, js, m)
		return m, &floors{}, err
	}
	if err != nil {
		return mark{}, nil, fmt.Errorf("look at the stream: %w", err)
	}
	info := o.stream.CachedInfo()
	if m == nil {
		m, err := o.adopt(ctx, js, info)
		return m, &floors{}, err
	}
	if problem := m.compare(info); problem != "" {
		return mark{}, nil, o.damaged(problem)
	}
	f, err := o.openFloors(ctx, js, m.Identity)
	if err != nil {
		return mark{}, nil, err
	}
	if err := o.dropTypes(ctx, m, info); err != nil {
		return mark{}, nil, err
	}
	return *m, f, o.update(ctx, js, o.streamConfig(m.Identity))
}

// openFloors tells what each service has handled. Events that wait for a service that is not named
// any more are an error; nothing was removed then.
func (o *Outbox) openFloors(ctx context.Context, js jetstream.JetStream, identity string) (*floors, error) {
	info := o.stream.CachedInfo()
	f, err := o.readFloors(identity)
	if err != nil {
		return nil, err
	}
	if f == nil {
		f = &floors{}
		if err := o.takeOver(ctx, f, info); err != nil {
			return nil, err
		}
		if len(f.Shelves) == 0 && info.State.Msgs > 0 {
			o.config.Log.Warn("the outbox does not know what was handled: its readers get again all that is still here",
				"file", o.floorsPath(), "events", info.State.Msgs)
		}
	}
	if former := info.Config; !former.AllowDirect { // what follows reads by it
		former.AllowDirect = true
		if err := o.update(ctx, js, former); err != nil {
			return nil, err
		}
	}
	return f, o.forget(ctx, f)
}

// makeStream makes an empty one. The mark is written first: a kill in between
// leaves a mark that says so.
func (o *Outbox) makeStream(ctx context.Context, js jetstream.JetStream, m *mark) (mark, error) {
	if m != nil && !m.Making {
		return mark{}, &DamagedError{
			Dir:     o.config.Dir,
			File:    o.streamDir(),
			Problem: "the stream is missing, or its description is not readable",
			Accept:  o.config.Dir,
		}
	}
	if m == nil {
		o.config.Log.Info(o.beginning(), "dir", o.config.Dir)
		m = &mark{Identity: rand.Text(), Making: true}
		if err := writeMark(o.config.Dir, *m); err != nil {
			return mark{}, fmt.Errorf("write the mark: %w", err)
		}
	}
	var err error
	// The answer is waited for, at most the 5 s of nats.go, also when ctx ends: a server
	// that is stopped while it makes a stream leaves goroutines of it.
	if o.stream, err = js.CreateStream(context.WithoutCancel(ctx), o.streamConfig(m.Identity)); err != nil {
		return mark{}, fmt.Errorf("make the stream: %w", err)
	}
	m.Making, o.identity = false, m.Identity
	if err := writeMark(o.config.Dir, *m); err != nil {
		return mark{}, fmt.Errorf("write the mark: %w", err)
	}
	return *m, nil
}

// beginning is what the log says of an outbox that is made.
func (o *Outbox) beginning() string {
	if o.config.FirstStart {
		return "first start: the data directory and its outbox are new"
	}
	return "an empty outbox begins: if there was one here, what it kept is lost, and its readers say so"
}

// adopt takes a stream without a mark: an operator removed it to accept a loss. The
// stream gets a new identity, for all that is known of it may be wrong, and the
// floors begin anew: they may be ahead of it.
func (o *Outbox) adopt(ctx context.Context, js jetstream.JetStream, info *jetstream.StreamInfo) (mark, error) {
	m := mark{
		Identity:  rand.Text(),
		Last:      info.State.LastSeq,
		Removed:   info.State.LastSeq - info.State.Msgs,
		RemovedTo: info.State.LastSeq,
	}
	o.config.Log.Warn("the outbox has no mark: it goes on with what is left, and its readers get all of that again",
		"file", filepath.Join(o.config.Dir, markName), "messages", info.State.Msgs, "last", m.Last)
	if err := o.update(ctx, js, o.streamConfig(m.Identity)); err != nil {
		return mark{}, err
	}
	if err := os.Remove(o.floorsPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return mark{}, fmt.Errorf("remove the floors: %w", err)
	}
	if err := writeMark(o.config.Dir, m); err != nil {
		return mark{}, fmt.Errorf("write the mark: %w", err)
	}
	return m, nil
}

func (o *Outbox) update(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) error {
	stream, err := js.UpdateStream(ctx, c)
	if err != nil {
		return fmt.Errorf("update the stream: %w", err)
	}
	o.stream, o.identity = stream, c.Metadata[identityKey]
	return nil
}

// streamConfig: what is not named here is off. Messages go by the trimmer alone, so
// none has a limit by age, and a full stream refuses new ones.
func (o *Outbox) streamConfig(identity string) jetstream.StreamConfig {
	var subjects []string
	for _, t := range o.config.Types {
		if len(t.Services) > 0 {
			subjects = append(subjects, t.wire())
		}
	}
	most := o.config.MaxMessages
	if most == 0 {
		most = -1
	}
	return jetstream.StreamConfig{
		Name:       Stream,
		Subjects:   subjects,
		Storage:    jetstream.FileStorage,
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew,
		MaxBytes:   o.config.MaxBytes,
		MaxMsgs:    most,
		Duplicates: o.config.Duplicates,
		DenyDelete: true,
		// One event is read without the queue of the API, which others wait in.
		AllowDirect: true,
		Metadata:    map[string]string{identityKey: identity},
	}
}

// compare says what is not as the mark has it, or "".
func (m *mark) compare(info *jetstream.StreamInfo) string {
	state := info.State
	identity := identityOf(info)
	switch removed := state.LastSeq - state.Msgs; {
	case identity != m.Identity:
		return fmt.Sprintf("it is another stream (%s) than the one that was here (%s)", identity, m.Identity)
	case state.LastSeq < m.Last:
		return fmt.Sprintf("it ends at message %d, and had at least %d", state.LastSeq, m.Last)
	case !m.Removing && removed > m.Removed: // less: a crash of the machine undid a removal
		return fmt.Sprintf("%d messages are missing", removed-m.Removed)
	case m.Removing && state.FirstSeq > m.RemovedTo+1:
		return fmt.Sprintf("it begins with message %d, and should with %d or an earlier one", state.FirstSeq, m.RemovedTo+1)
	}
	return ""
}

func (o *Outbox) damaged(problem string) error {
	return &DamagedError{Dir: o.config.Dir, File: o.streamDir(), Problem: problem, Accept: filepath.Join(o.config.Dir, markName)}
}

// account is the server's account that has the stream.
const account = "store"

// streamDir is where JetStream keeps the stream's files.
func (o *Outbox) streamDir() string {
	return filepath.Join(o.config.Dir, "jetstream", account, "streams", Stream)
}

// Close refuses new messages, waits until those under way are answered, saves what was handled, and
// ends the goroutines. When ctx ends first, what is unanswered is uncertain, and the error is
// ctx's. It is called once.
func (o *Outbox) Close(ctx context.Context) error {
	err := errors.Join(o.sender.close(ctx), o.library.stop(ctx), o.keeper.stop(), o.trimmer.stop(ctx))
	if err != nil {
		return fmt.Errorf("close the outbox of %s: %w", o.config.Node, err)
	}
	return nil
}
