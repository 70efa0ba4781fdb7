package config

import "context"

// State is the database of what a node's handlers make true, as far as the node needs it: a mark
// for each node, which only grows. The node raises it in the database first and then notes it in
// its data directory. So a database whose mark is lower than the one that the directory has was put
// back from an older copy. transact.NewState makes one of a SQL database. Its methods are called
// one at a time.
type State interface {
	// Mark is the mark of a node; 0 if it has none.
	Mark(ctx context.Context, node string) (uint64, error)
	// SetMark sets it. When it returns nil the mark is on the disk, and so is all that was
	// committed before: the crash of the machine takes neither back.
	SetMark(ctx context.Context, node string, mark uint64) error
}
