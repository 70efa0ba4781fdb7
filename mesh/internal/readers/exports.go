package readers

import (
	"slices"

	"leafmesh/mesh/config"
)

// SetExports replaces what is exported. Who reads a type that is not any more gets no more of it,
// and hears why when it says hello next, as it does each 5 s; it is not missed. Who asks for one
// that is new gets it from that hello on.
func (r *Readers) SetExports(exports []config.Export) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range exports {
		if !e.IsDurable() {
			r.audienceLocked(e.Event)
		}
	}
	r.exports.Store(&exports) // now that each type has its audience: whoever says hello is put into it
	for subject := range r.audiences {
		if !r.sends(subject) {
			r.endLocked(subject)
		}
	}
}

// endLocked lets nobody get events of a type.
func (r *Readers) endLocked(subject string) {
	for _, p := range r.greeted {
		if reader := p.types[subject]; reader != nil {
			delete(p.types, subject)
			reader.end()
		}
		delete(p.asks, subject)
	}
	delete(r.asked, subject)
	r.publishLocked([]string{subject})
}

// Audience is who reads the events of a type at most once: nobody while it is not exported. The nil
// Readers have none.
func (r *Readers) Audience(subject string) *Audience {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.audienceLocked(subject)
}

func (r *Readers) audienceLocked(subject string) *Audience {
	if r.audiences[subject] == nil {
		r.audiences[subject] = &Audience{}
	}
	return r.audiences[subject]
}

// export is that of a type; nil if it is not exported.
func (r *Readers) export(subject string) *config.Export {
	exports := *r.exports.Load()
	at := slices.IndexFunc(exports, func(e config.Export) bool { return e.Event == subject })
	if at < 0 {
		return nil
	}
	return &exports[at]
}

// sends reports whether events of a type are exported at most once.
func (r *Readers) sends(subject string) bool {
	e := r.export(subject)
	return e != nil && !e.IsDurable()
}

// keeps reports whether the outbox keeps events of a type.
func (r *Readers) keeps(subject string) bool { return r.export(subject).IsDurable() }
