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
