package stats

// Traces tells what became of the spans that a node made of what it keeps.
type Traces struct {
	// Exported spans were taken by the receiver, and Waiting ones are still to be sent.
	Exported uint64 `json:"exported"`
	Waiting  int    `json:"waiting"`
	// QueueFull counts the spans that found the queue full, as the receiver does not take them fast
	// enough; Refused those that the receiver did not want, and Closed those that waited when the
	// node ended.
	QueueFull uint64 `json:"queue_full"`
	Refused   uint64 `json:"refused"`
	Closed    uint64 `json:"closed"`
	// Forgotten counts the contexts of requests that made room for newer ones: should one of their
	// cascades be kept, its root has no link to the request.
	Forgotten uint64 `json:"forgotten"`
	// Problem says why the last spans could not be sent; "" if they were.
	Problem string `json:"problem,omitempty"`
}
