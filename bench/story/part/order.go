package part

import (
	"time"

	"leafmesh/bench/story/cascade"
)

// Assignment says what a process is to be.
type Assignment struct {
	Side    string // "bus" or "leafmesh"
	Service string
	Line    Line
	Folder  string // for what it keeps
	Roots   int
	// Within is how long the process may take to be ready.
	Within  time.Duration
	BadRoot int64 // the root for which the bad handler runs; below 0: it does not run

	BusURL string          // of the bus
	Nodes  map[string]Node // of leafmesh, by service
}

// Node is how others find a node.
type Node struct{ Address, Seed, Key string }

// Line is what a comparison has both sides do.
type Line struct {
	Kept  bool // what leaves a service is kept on disk
	State bool // services keep their own state, and commit
}

// order is what the story tells a process.
type order struct {
	What string
	Rate int // roots a second, of emit
}

const (
	emit   = "emit"   // begin to bring in all roots
	count  = "count"  // say how many effects there were
	vital  = "vital"  // say what the process takes
	report = "report" // say all
)

// answer is what a process tells the story.
type answer struct {
	Problem  string
	Total    int64
	Emitting bool
	Vitals   Vitals
	Report   cascade.Report
	Late     time.Duration
	Losses   []string
}
