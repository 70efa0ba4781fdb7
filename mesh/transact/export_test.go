package transact

import "time"

// DeleteHandled is the statement that prunes.
const DeleteHandled = deleteHandled

// PruneEvery is how many new events come between two prunings.
const PruneEvery = pruneEvery

// NewInbox makes an Inbox with a clock of the test's.
func NewInbox(window time.Duration, now func() time.Time) *Inbox {
	return &Inbox{Window: window, now: now}
}

// MaxAside is how many rows are set aside at most.
const MaxAside = maxAside

// RetryAside makes a Relay, before its start, try again so often what it has set aside.
func RetryAside(r *Relay, every time.Duration) { r.retry = every }
