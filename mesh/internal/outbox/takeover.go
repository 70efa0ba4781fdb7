package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/handout"
)

// A former version of this program had JetStream know what each service had taken: by a durable
// consumer for each service and type. What they know is taken over once, when there is no file of
// floors yet, and then they are deleted.

// consumerName is the name that the consumer of a service and a type had.
func consumerName(service, subject string) string {
	return service + "-" + strings.ReplaceAll(subject, ".", "_")
}

// takeOver makes floors of the consumers that are there.
func (o *Outbox) takeOver(ctx context.Context, f *floors, info *jetstream.StreamInfo) error {
	consumers := o.stream.ListConsumers(ctx)
	for c := range consumers.Info() {
		subject, durable := strings.CutSuffix(c.Config.FilterSubject, ".*")
		service, named := strings.CutSuffix(c.Config.Durable, consumerName("", subject))
		if !durable || !named || unfit(c.Config) || !slices.Contains(info.Config.Subjects, c.Config.FilterSubject) {
			continue
		}
		f.Shelves = append(f.Shelves, shelfFile{Subject: subject, Service: service, Came: true, State: o.stateOf(c)})
		o.config.Log.Info("the outbox took over what a service has handled", "type", subject, "service", service, "handled", c.AckFloor.Stream)
	}
	if err := consumers.Err(); err != nil {
		return fmt.Errorf("list consumers: %w", err)
	}
	return nil
}

// unfit reports whether what a consumer acknowledged tells nothing of what its service has taken.
func unfit(c jetstream.ConsumerConfig) bool {
	return c.AckPolicy != jetstream.AckExplicitPolicy || c.DeliverPolicy != jetstream.DeliverAllPolicy || c.MaxDeliver > 0
}

// stateOf is what a consumer knows: all up to its floor was acknowledged, and above it what was
// delivered and is not pending. The server does not tell what is pending; its file does. The file
// has no checksum: where it says other than the server, only the floor is believed, and what was
// acknowledged above it comes again.
func (o *Outbox) stateOf(c *jetstream.ConsumerInfo) handout.State {
	state := handout.StateOf(c.AckFloor.Stream, c.AckFloor.Stream, nil).Renumber(lastNumber)
	text, err := os.ReadFile(filepath.Join(o.streamDir(), "obs", c.Name, "o.dat"))
	if err != nil {
		return state
	}
	file, ok := decodeConsumer(text)
	if !ok || file.floor != c.AckFloor.Stream || file.delivered != c.Delivered.Stream || len(file.pending) != c.NumAckPending {
		return state
	}
	return handout.StateOf(file.floor, file.delivered, file.pending).Renumber(lastNumber)
}

// consumerFile is what nats-server keeps of a consumer.
type consumerFile struct {
	floor, delivered uint64   // of the stream
	pending          []uint64 // in order
}

// decodeConsumer reads the file of a consumer as nats-server 2.15 writes it.
func decodeConsumer(text []byte) (c consumerFile, ok bool) {
	if len(text) < 2 || text[0] != 22 || text[1] != 2 {
		return c, false
	}
	text, ok = text[2:], true
	read := func() uint64 {
		n, size := binary.Uvarint(text)
		if size <= 0 {
			ok = false
			return 0
		}
		text = text[size:]
		return n
	}
	read() // the floor and what was delivered, as the consumer counts
	c.floor = read()
	read()
	c.delivered = read()
	many := read()
	if many > 0 {
		read() // a time, of a sign that does not matter here
	}
	for ; many > 0 && ok; many-- {
		c.pending = append(c.pending, c.floor+read())
		read() // as the consumer counts
		read() // a time
	}
	slices.Sort(c.pending)
	if len(slices.Compact(slices.Clone(c.pending))) < len(c.pending) {
		return c, false // a message is pending once
	}
	return c, ok && (len(c.pending) == 0 || c.pending[0] > c.floor && c.pending[len(c.pending)-1] <= c.delivered)
}

// dropConsumers deletes all that are there, also those whose files the server could not read.
func (o *Outbox) dropConsumers(ctx context.Context) error {
	var known []string
	names := o.stream.ConsumerNames(ctx)
	for name := range names.Name() {
		known = append(known, name)
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("list consumers: %w", err)
	}
	dir := filepath.Join(o.streamDir(), "obs")
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list consumers' files: %w", err)
	}
	for _, entry := range files {
		if slices.Contains(known, entry.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("remove the files of a consumer: %w", err)
		}
		o.config.Log.Warn("the outbox removed a consumer that was not readable: its service gets again what it has handled and is still here",
			"file", filepath.Join(dir, entry.Name()))
	}
	for _, name := range known {
		if err := o.stream.DeleteConsumer(ctx, name); err != nil {
			return fmt.Errorf("delete consumer %s: %w", name, err)
		}
	}
	return nil
}
