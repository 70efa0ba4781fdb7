package stats

// Recorder is how full a node's flight recorder is.
type Recorder struct {
	// Since is when the oldest record was made of those that are surely there, in nanoseconds since
	// 1970; 0 while none has fallen out.
	Since int64 `json:"since,omitempty"`
	// FellOut counts the records that made room for newer ones.
	FellOut uint64 `json:"fell_out"`
	// Missed counts what was not recorded, as every ring was being written to at the moment.
	Missed uint64 `json:"missed"`
	// Kept counts the cascades that were kept as something went wrong in them or took long, and
	// Samples those that were kept as examples of what is usual, since the node was opened.
	Kept    int `json:"kept"`
	Samples int `json:"samples"`
	// Left counts what went wrong and was not kept, as there was too much of it at once.
	Left uint64 `json:"left"`
	// Untold counts the cascades that a peer was not told of, as too many waited for its link.
	Untold uint64 `json:"untold,omitempty"`
	// Bytes is what the kept ones take, on disk if the node has a data directory.
	Bytes int64 `json:"bytes"`
	// Problem says why the last ones could not be kept; "" if they were.
	Problem string `json:"problem,omitempty"`
}
