package config

// KeptLetters says which events that handlers give up are kept on disk, to be looked at and
// replayed.
type KeptLetters string

// What can be kept.
const (
	// DurableLetters are those of durable imports, 10,000 at most; past that events stay in the
	// outbox that they came from. The default.
	DurableLetters KeptLetters = "durable"
	// AllLetters are also those of events of this node, and of imports that are not durable: 10,000
	// more, or 256 MiB of them, at most. Past that the oldest are dropped and counted, as nobody
	// else has them.
	AllLetters KeptLetters = "all"
)

func (k KeptLetters) known() bool { return k == "" || k == DurableLetters || k == AllLetters }
