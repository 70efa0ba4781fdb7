package readers

import (
	"maps"
	"slices"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/steps"
)

// asked are the readers that asked for a type, exported at most once, when they said hello last.
type asked map[string]map[string]bool

// Absent are the points that count an event for the services that asked for the type since the node
// was opened, and of which no instance is there. Nil, at no cost, while all are.
func (a *Audience) Absent() []*steps.Point {
	if absent := a.absent.Load(); absent != nil {
		return *absent
	}
	return nil
}

// askLocked notes for which types a reader asks now. A service that has
// dropped an import, in a hello without it, is not missed.
func (r *Readers) askLocked(name string, p *presence) {
	for subject := range r.audiences {
		switch {
		case p.types[subject] == nil:
			delete(r.asked[subject], name)
		case r.asked[subject] == nil:
			r.asked[subject] = map[string]bool{name: true}
		default:
			r.asked[subject][name] = true
		}
	}
}

// forgetLocked lets a reader no longer be missed by the types that it may not import.
func (r *Readers) forgetLocked(name string) {
	var subjects []string
	for subject, names := range r.asked {
		if names[name] && (r.lines.to(name) == nil || !r.env.MayImport(name, subject)) {
			delete(names, name)
			subjects = append(subjects, subject)
		}
	}
	r.publishLocked(subjects)
}

// absentLocked finds the services that are missed by a type which some groups get.
func (r *Readers) absentLocked(subject string, present []group) *[]*steps.Point {
	if r.env.Unheard == nil {
		return nil
	}
	var absent []string
	for name := range maps.Keys(r.asked[subject]) {
		service := config.ServiceOf(name)
		if !slices.Contains(absent, service) && !slices.ContainsFunc(present, func(g group) bool { return g.readers[0].service == service }) {
			absent = append(absent, service)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	slices.Sort(absent)
	points := make([]*steps.Point, len(absent))
	for i, service := range absent {
		points[i] = r.env.Unheard(subject, service)
	}
	return &points
}
