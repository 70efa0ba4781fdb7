package graph

// Graph is which event types lead to which: what handlers declare (see mesh.Emits) and what their
// emits have shown since the node opened. mesh.Node.Graph returns a node's, [Merge] that of several
// nodes.
type Graph struct {
	// Nodes are the nodes it was taken from.
	Nodes []string `json:"nodes"`
	// Types are all event types known there.
	Types []Type `json:"types"`
	Edges []Edge `json:"edges"`
	// Cycles are the elementary cycles, the shortest first: a thousand at most, and CyclesCut says
	// whether some are missing.
	Cycles    []Cycle `json:"cycles"`
	CyclesCut bool    `json:"cycles_cut,omitempty"`
	// Other counts the events of edges that were left out: a node learns 1024.
	Other uint64 `json:"other,omitempty"`
}

// Type is an event type in a graph.
type Type struct {
	Type     string `json:"type"`
	Exported bool   `json:"exported,omitempty"`
	Imported bool   `json:"imported,omitempty"`
}

// Edge says that a handler of events From emits events To. A handler that gives an event up leads
// to mesh.DeadLetters.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Handler is the handler's name and Service that of its nodes.
	Handler string `json:"handler"`
	Service string `json:"service"`
	// Count is how many events To the handler emitted for events From, as far as they took effect.
	// Handled is how many events From it was done with.
	Count   uint64 `json:"count"`
	Handled uint64 `json:"handled"`
	// Refused is how many more the cascade guard refused to the handler.
	Refused uint64 `json:"refused,omitempty"`
	// Factor is Count and Refused divided by Handled: the events that one event leads to here, or
	// would. Refused ones are in it because a cascade that was stopped has always fewer emitted
	// events than handled ones, however fast it grew.
	Factor float64 `json:"factor"`
	// Rate is how many of Count came in a second lately, if that was measured: see [Graph.Since].
	Rate float64 `json:"rate,omitempty"`
	// Declared says that the handler declares it; it need not have been seen.
	Declared bool `json:"declared,omitempty"`
}

// Cycle is a way that events can go round.
type Cycle struct {
	// Types are in the order of the events; after the last comes the first.
	Types []string `json:"types"`
	// Gain is how many events come back for one that sets out: the product of the factors along the
	// cycle, those of several handlers added up.
	Gain float64 `json:"gain"`
}
