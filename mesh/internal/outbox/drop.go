package outbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// dropTypes removes the messages of types that are no longer durable exports: they
// would never be taken.
func (o *Outbox) dropTypes(ctx context.Context, m *mark, info *jetstream.StreamInfo) error {
	for _, subject := range info.Config.Subjects {
		if slices.ContainsFunc(o.config.Types, func(t Type) bool { return t.wire() == subject }) {
			continue
		}
		before := m.Removed
		if _, err := o.remove(ctx, m, span{subject: subject, upTo: info.State.LastSeq}); err != nil {
			return fmt.Errorf("drop the messages of %s: %w", subject, err)
		}
		if removed := m.Removed - before; removed > 0 {
			o.config.Logger.Warn("the outbox dropped messages of a type that is no longer a durable export", "subject", subject, "messages", removed)
		}
	}
	return nil
}

// remove writes down what is about to be removed, removes it, and returns what the
// stream is then. It is asked for and not taken from the cache of o.stream, which
// another's older answer may overwrite.
func (o *Outbox) remove(ctx context.Context, m *mark, s span) (*jetstream.StreamInfo, error) {
	m.Removing, m.RemovedTo = true, max(m.RemovedTo, s.upTo)
	if err := writeMark(o.config.Dir, *m); err != nil {
		return nil, fmt.Errorf("write the mark: %w", err)
	}
	options := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSequence(s.upTo + 1)}
	if s.subject != "" {
		options = append(options, jetstream.WithPurgeSubject(s.subject))
	}
	if err := o.stream.Purge(ctx, options...); err != nil {
		return nil, err
	}
	info, err := o.stream.Info(ctx)
	if err != nil {
		return nil, err
	}
	m.Removing, m.Removed = false, info.State.LastSeq-info.State.Msgs
	return info, writeMark(o.config.Dir, *m)
}

// dropConsumers deletes those of services that are no longer named.
func (o *Outbox) dropConsumers(ctx context.Context) error {
	named := map[string]bool{}
	for _, t := range o.config.Types {
		for _, service := range t.Services {
			named[ConsumerName(service, t.Subject)] = true
		}
	}
	return o.deleteConsumers(ctx, func(name string) bool { return !named[name] },
		"the outbox forgot a consumer: its service is no longer named, and nothing is kept for it")
}

func (o *Outbox) deleteConsumers(ctx context.Context, which func(string) bool, why string) error {
	names := o.stream.ConsumerNames(ctx)
	for name := range names.Name() {
		if !which(name) {
			continue
		}
		if err := o.stream.DeleteConsumer(ctx, name); err != nil {
			return fmt.Errorf("delete consumer %s: %w", name, err)
		}
		o.config.Logger.Warn(why, "consumer", name)
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("list consumers: %w", err)
	}
	return nil
}

// dropUnreadable removes the files of consumers that the server could not read. While
// they are there it refuses to make such a consumer again.
func (o *Outbox) dropUnreadable(ctx context.Context) error {
	known := map[string]bool{}
	names := o.stream.ConsumerNames(ctx)
	for name := range names.Name() {
		known[name] = true
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("list consumers: %w", err)
	}
	dir := filepath.Join(o.streamDir(), "obs")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list consumers' files: %w", err)
	}
	for _, entry := range entries {
		if known[entry.Name()] {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("remove the files of a consumer that is not readable: %w", err)
		}
		o.config.Logger.Warn("the outbox removed a consumer that is not readable: its service gets again what it has taken and is still here",
			"consumer", entry.Name())
	}
	return nil
}
