package wire

// A message of events that are exported at most once begins with two unsigned integers: the run,
// which names the reader's time with its exporter, and how many events of the type the exporter has
// sent to the reader in this run before. So a reader knows how many have not arrived, of which
// nobody else can tell it. The container follows. A run tells the process too, as the number of a
// path does, of which events then have the index alone: see [ProcessOf].

// AppendPlace appends what stands before a container to dst.
func AppendPlace(dst []byte, run, before uint64) []byte {
	return appendHead(appendHead(dst, majorUint, run), majorUint, before)
}

// SplitPlace takes a message apart, and aliases it. Errors are ErrMalformed.
func SplitPlace(message []byte) (run, before uint64, container []byte, err error) {
	r := reader{data: message}
	if run, err = r.expect(majorUint); err != nil {
		return 0, 0, nil, malformed("run: %w", err)
	}
	if before, err = r.expect(majorUint); err != nil {
		return 0, 0, nil, malformed("events before: %w", err)
	}
	return run, before, message[r.off:], nil
}
