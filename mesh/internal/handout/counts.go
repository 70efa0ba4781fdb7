package handout

// Counts is what a shelf has, and what became of events.
type Counts struct {
	// UnderWay is how many events each reader has, by its name.
	UnderWay map[string]int
	// Aside is how many events wait for their time, with AsideBytes; Parked how many wait for room
	// there.
	Aside, AsideBytes, Parked int
	// Held is how many events were offered and never given.
	Held int
	// Redelivered is how often an event was given again.
	Redelivered uint64
	// Oversize is how many events were lost because no reader takes as large ones, Missing how many
	// the stream had no more.
	Oversize, Missing uint64
}

// Counts counts.
func (s *Shelf) Counts() Counts {
	c := Counts{UnderWay: make(map[string]int, len(s.readers)), Aside: s.count[aside], AsideBytes: s.asideBytes,
		Parked: s.parked.len(), Held: s.held, Redelivered: s.redelivered, Oversize: s.oversize, Missing: s.missing}
	for _, r := range s.readers {
		c.UnderWay[r.name] = r.events
	}
	return c
}
