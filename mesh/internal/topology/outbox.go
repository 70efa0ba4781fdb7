package topology

import (
	"path/filepath"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/outbox"
)

// storageRoom is what JetStream may take beyond the events, for what it remembers of consumers, as
// a share of the events' bytes.
const storageRoom = 4

// OutboxDir is the directory of a node's outbox.
func OutboxDir(c config.Node) string { return filepath.Join(string(c.Data), "outbox") }

// syncInterval is how often the outbox is synced; 0: always.
func syncInterval(c config.Node) time.Duration {
	if c.Outbox.Sync == config.SyncAlways {
		return 0
	}
	return time.Duration(c.Outbox.Sync)
}

// outboxSpec says what the embedded server is to keep, or nil.
func outboxSpec(c config.Node) *leaf.Outbox {
	if len(c.DurableExports()) == 0 {
		return nil
	}
	interval := syncInterval(c)
	return &leaf.Outbox{Dir: OutboxDir(c), MaxBytes: int64(c.Outbox.MaxBytes + c.Outbox.MaxBytes/storageRoom),
		SyncAlways: interval == 0, SyncInterval: interval}
}

// Outbox says what the node's outbox keeps, for whom and how much of it. There must be a durable
// export. reset makes the server read the outbox's files anew.
func Outbox(c config.Node, reset func() error, log *journal.Log) outbox.Config {
	spec := outbox.Config{Node: c.Name, Dir: OutboxDir(c), MaxAge: c.Outbox.MaxAge, MaxBytes: int64(c.Outbox.MaxBytes),
		MaxMessages: c.Outbox.MaxEvents, SyncInterval: syncInterval(c), Reset: reset, Log: log,
		Service: config.ServiceOf, MaxPayload: int(c.MaxPayload)}
	for _, e := range c.DurableExports() {
		t := outbox.Type{Subject: e.Event, Services: e.KeptFor, Drop: e.Drop, Bounds: map[string]outbox.Bound{}}
		for _, service := range e.KeptFor {
			if b, ok := e.BoundOf(service, c.Outbox, c.Losing()); ok {
				t.Bounds[service] = outbox.Bound{MaxMessages: b.MaxEvents, MaxBytes: int64(b.MaxBytes), MaxAge: b.MaxAge, Lose: b.Full == config.FullLose}
			}
		}
		spec.Types = append(spec.Types, t)
	}
	return spec
}
