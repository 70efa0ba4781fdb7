package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/handout"
)

// WaitingError says that a service is not named any more, and events wait for it.
type WaitingError struct {
	Subject, Service string
	// Waiting is how many events of the type wait for the service.
	Waiting uint64
}

// Error names the type, the service, the number and the remedies.
func (e *WaitingError) Error() string {
	return fmt.Sprintf("%d events of %s wait for service %s, which the export does not name in kept_for any more: "+
		"name it until it has handled them, or name it in drop to lose them", e.Waiting, e.Subject, e.Service)
}

// forget drops the shelves of services that are no longer named. What waits for them is lost only
// if Type.Drop says so.
func (o *Outbox) forget(ctx context.Context, f *floors) error {
	var errs []error
	f.Shelves = slices.DeleteFunc(f.Shelves, func(s shelfFile) bool {
		if o.config.names(s.Subject, s.Service) {
			return false
		}
		waiting, err := o.waiting(ctx, s.Subject, s.State)
		switch {
		case err != nil:
			errs = append(errs, err)
		case waiting > 0 && !o.config.drops(s.Subject, s.Service):
			errs = append(errs, &WaitingError{Subject: s.Subject, Service: s.Service, Waiting: waiting})
		case waiting > 0:
			o.config.Log.Warn("the outbox dropped events that waited for a service: the configuration says so",
				"type", s.Subject, "service", s.Service, "events", waiting)
		}
		return true
	})
	return errors.Join(errs...)
}

// waiting counts the events of a type that are not settled.
func (o *Outbox) waiting(ctx context.Context, subject string, state handout.State) (uint64, error) {
	total, _, err := o.totalOf(ctx, subject)
	if err != nil {
		return 0, err
	}
	behind, err := o.behind(ctx, subject, max(state.Floor, state.Known), total)
	return state.Unsettled() + behind, err
}

// dropTypes removes the messages of types that are no longer durable exports: nobody waits for
// them, or the configuration drops them.
func (o *Outbox) dropTypes(ctx context.Context, m *mark, info *jetstream.StreamInfo) error {
	for _, subject := range info.Config.Subjects {
		if slices.Contains(o.streamConfig("").Subjects, subject) {
			continue
		}
		if _, err := o.remove(ctx, m, span{subject: subject, upTo: info.State.LastSeq}); err != nil {
			return fmt.Errorf("drop the messages of %s: %w", subject, err)
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
