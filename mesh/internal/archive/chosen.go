package archive

import (
	"slices"
	"time"

	"golang.org/x/time/rate"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// chosen are the cascades that are kept at present: what comes of them is kept too.
type chosen struct {
	order []cause.ID // oldest first
	known map[cause.ID]int
	all   *rate.Limiter
	by    map[trouble]*rate.Limiter
	rest  *rate.Limiter // of causes for which there is no room in by
}

// trouble is what cascades are chosen for.
type trouble struct {
	subject, place, rule string
	outcome              stats.Outcome
}

const (
	// maxFollowed is how many cascades are followed at a time. When an older one fails again it is
	// chosen again.
	maxFollowed = 256
	// maxRecords bounds the records of a cascade that are kept, from each time that it is chosen.
	maxRecords = 1000
	// maxTroubles bounds the limiters: types, places and rules are few unless somebody makes them
	// up.
	maxTroubles = 1024
)

// Cascades that are chosen a second, and how many at once: of all, and of one trouble.
const (
	allRate, allBurst         = rate.Limit(20), 100
	troubleRate, troubleBurst = rate.Limit(0.2), 8
)

// Cascades a second, and how many at once, that one peer or operator may want kept: not all that
// are kept for others, so that one that makes roots up leaves room for the rest.
const askerRate, askerBurst = rate.Limit(10), 50

func newChosen() *chosen {
	return &chosen{known: map[cause.ID]int{}, all: rate.NewLimiter(allRate, allBurst), by: map[trouble]*rate.Limiter{},
		rest: rate.NewLimiter(troubleRate, troubleBurst)}
}

func (c *chosen) has(root cause.ID) bool {
	_, known := c.known[root]
	return known
}

// choose chooses the cascade of a record, unless there are too many like it. now is a time of the
// node's clock.
func (c *chosen) choose(r *why.Record, now int64) bool {
	of := trouble{r.Type, r.Place, r.Rule, r.Outcome}
	limiter := c.by[of]
	switch {
	case limiter != nil:
	case len(c.by) < maxTroubles:
		limiter = rate.NewLimiter(troubleRate, troubleBurst)
		c.by[of] = limiter
	default:
		limiter = c.rest
	}
	return limiter.AllowN(time.Unix(0, now), 1) && c.add(r.Root, now)
}

// add chooses a cascade, unless there are too many at once.
func (c *chosen) add(root cause.ID, now int64) bool {
	if !c.all.AllowN(time.Unix(0, now), 1) {
		return false
	}
	c.known[root] = 0
	c.order = append(c.order, root)
	return true
}

// room is what of a cascade's next records may be kept.
func (c *chosen) room(root cause.ID, records []why.Record) []why.Record {
	had := c.known[root]
	records = records[:min(len(records), max(0, maxRecords-had))]
	if c.has(root) {
		c.known[root] = had + len(records)
	}
	return records
}

// trim lets go of the oldest, and reports whether there were some.
func (c *chosen) trim() bool {
	n := len(c.order) - maxFollowed
	if n <= 0 {
		return false
	}
	for _, root := range c.order[:n] {
		delete(c.known, root)
	}
	c.order = append([]cause.ID(nil), c.order[n:]...)
	return true
}

func (c *chosen) roots() []cause.ID { return slices.Clip(c.order) }
