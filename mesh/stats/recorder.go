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
}
