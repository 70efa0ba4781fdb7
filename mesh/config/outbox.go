package config

import (
	"errors"
	"time"

	"leafmesh/mesh/internal/document"
)

// Outbox bounds what a node's durable exports keep on disk. At each bound new events are refused:
// Emit returns mesh.ErrOutboxFull and nothing was stored. An event that a service has still to
// handle is never removed to make room, unless the service's [Bound] says so.
type Outbox struct {
	// MaxAge is how long an event may wait for a service; while one waits longer, new ones are
	// refused, as nobody seems to come for them. More than 2 minutes; default 168h (7 days).
	MaxAge time.Duration `yaml:"max_age,omitempty" reload:"restart"`
	// MaxBytes is how much is kept on disk; default 1GiB, from 1MiB to 1TiB.
	MaxBytes Size `yaml:"max_bytes,omitempty" reload:"restart"`
	// MaxEvents is how many events are kept; default 1,000,000.
	MaxEvents int64 `yaml:"max_events,omitempty" reload:"restart"`
	// Sync says when what was written is forced to the disk: after each event ("always") or at an
	// interval; default 1s. An event is written before Emit returns, so that a crash of the process
	// loses nothing either way; a crash of the machine may lose the events of the last interval.
	Sync Sync `yaml:"sync,omitempty" reload:"restart"`
}

// Sync is an interval, or [SyncAlways].
type Sync time.Duration

// SyncAlways forces each event to the disk before Emit returns.
const SyncAlways Sync = -1

// IDMemory is how long an outbox recognizes a second event of the same id, and so how long what was
// handled stays there.
const IDMemory = 2 * time.Minute

const (
	defaultOutboxAge    = 7 * 24 * time.Hour
	defaultOutboxBytes  = Size(1 << 30)
	defaultOutboxEvents = 1_000_000
	defaultOutboxSync   = Sync(time.Second)
	minOutboxBytes      = Size(1 << 20)
	maxOutboxBytes      = Size(1 << 40)
	maxOutboxEvents     = 1_000_000_000
)

// String returns "always" or the interval.
func (s Sync) String() string {
	if s == SyncAlways {
		return "always"
	}
	return time.Duration(s).String()
}

// MarshalText returns "always" or the interval.
func (s Sync) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "always" or an interval, "1s".
func (s *Sync) UnmarshalText(text []byte) error {
	if string(text) == "always" {
		*s = SyncAlways
		return nil
	}
	interval, err := time.ParseDuration(string(text))
	if err != nil || interval <= 0 || document.LeadingZeros(string(text)) {
		return errors.New("it is neither always nor a positive interval, as in 1s")
	}
	*s = Sync(interval)
	return nil
}

// WithDefaults fills in what is left out.
func (o Outbox) WithDefaults() Outbox {
	if o.MaxAge == 0 {
		o.MaxAge = defaultOutboxAge
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultOutboxBytes
	}
	if o.MaxEvents == 0 {
		o.MaxEvents = defaultOutboxEvents
	}
	if o.Sync == 0 {
		o.Sync = defaultOutboxSync
	}
	return o
}
