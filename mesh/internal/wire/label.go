package wire

// Label reads the id and the key of an event, as it stands in a container, and nothing else: for
// who keeps events and does not look into them. It is not ok for an event that is malformed before
// its path.
func Label(event []byte) (id ID, key string, ok bool) {
	var e Envelope
	r := reader{data: event}
	if r.beginEvent() != nil || r.identity(&e) != nil || r.time(&e) != nil {
		return ID{}, "", false
	}
	if _, err := r.unsigned(); err != nil || r.key(&e) != nil {
		return ID{}, "", false
	}
	return e.ID, e.Key, true
}
