package readers

import (
	"maps"
	"math/bits"
	"slices"
	"sync/atomic"

	"leafmesh/mesh/internal/steps"
)

// Audience is who reads the events of one type. [Audience.Choose] is for one goroutine, the one
// that sends the events.
type Audience struct {
	present atomic.Pointer[[]group]        // replaced as a whole
	edition atomic.Uint64                  // how often it was
	absent  atomic.Pointer[[]*steps.Point] // replaced as a whole; nil: nobody is
}

// Edition changes when the readers do.
func (a *Audience) Edition() uint64 { return a.edition.Load() }

// IsEmpty reports whether nobody reads the events at this moment. The nil Audience has nobody.
func (a *Audience) IsEmpty() bool {
	if a == nil {
		return true
	}
	present := a.present.Load()
	return present == nil || len(*present) == 0
}

// group is a service whose instances share, or one instance that takes each event.
type group struct {
	readers []*Reader // at least one
}

// Choose appends to dst who gets an event: one reader of each group.
func (a *Audience) Choose(key string, dst []*Reader) []*Reader {
	present := a.present.Load()
	if present == nil {
		return dst
	}
	for i := range *present {
		dst = append(dst, (*present)[i].choose(key))
	}
	return dst
}

// Instead is who gets an event of a key that could not be sent to a reader, as its link is gone;
// nil: nobody does. The reader gets nothing more before it says hello again.
func (a *Audience) Instead(gone *Reader, key string) *Reader {
	gone.leave()
	present := a.present.Load()
	if present == nil || gone.each {
		return nil
	}
	for _, g := range *present {
		if !g.readers[0].each && g.readers[0].service == gone.service {
			return g.choose(key)
		}
	}
	return nil
}

// choose picks one by the key (highest random weight: D. Thaler and C. Ravishankar, "A name-based
// mapping scheme for rendezvous", 1996), and without a key by what is on its way.
func (g *group) choose(key string) *Reader {
	best := g.readers[0]
	if len(g.readers) == 1 {
		return best
	}
	if key == "" {
		least := best.onItsWay()
		for _, r := range g.readers[1:] {
			if n := r.onItsWay(); n < least {
				best, least = r, n
			}
		}
		return best
	}
	hash, most := hashOf(key), uint64(0)
	for _, r := range g.readers {
		if weight := mix(hash, r.hash); weight >= most {
			best, most = r, weight
		}
	}
	return best
}

// hashOf is FNV-1a in 64 bits: it is the same in every process.
func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix makes one hash of two, whose bits all depend on all bits of both.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^0x9E3779B97F4A7C15, b|1)
	return high ^ low
}

// publishLocked makes the audiences of some types anew.
func (r *Readers) publishLocked(subjects []string) {
	slices.Sort(subjects)
	for _, subject := range slices.Compact(subjects) {
		var groups []group
		for _, name := range slices.Sorted(maps.Keys(r.greeted)) {
			if reader := r.greeted[name].types[subject]; reader != nil {
				groups = add(groups, reader)
			}
		}
		r.audiences[subject].present.Store(&groups)
		r.audiences[subject].absent.Store(r.absentLocked(subject, groups))
		r.audiences[subject].edition.Add(1)
	}
}

// add puts a reader into its group.
func add(groups []group, reader *Reader) []group {
	if !reader.each {
		for i := range groups {
			if first := groups[i].readers[0]; !first.each && first.service == reader.service {
				groups[i].readers = append(groups[i].readers, reader)
				return groups
			}
		}
	}
	return append(groups, group{readers: []*Reader{reader}})
}

func typesOf(p *presence) (subjects []string) {
	if p != nil {
		for subject := range p.types {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}
