package handout

// Reopen begins anew behind a sequence: all after it is to be read, offered and given again, also
// what was settled. Readers stay, and have nothing under way. The tries of what waits are
// forgotten.
func (s *Shelf) Reopen(after uint64, now int64) {
	s.tick(now)
	anew := New(s.config)
	anew.now, anew.begun = s.now, true
	anew.position = after
	anew.redelivered, anew.oversize, anew.missing, anew.over = s.redelivered, s.oversize, s.missing, s.over
	readers := s.readers
	*s = *anew
	for _, r := range readers {
		s.Join(r.name, r.terms, now)
	}
}
