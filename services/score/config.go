package score

import (
	"errors"
	"fmt"
	"strings"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/services/daemon"
)

// Config says everything about one instance of the service.
//
// A limit in Mesh on emitting score.points.awarded may refuse or shed, not wait. Refused points are
// not counted and are tried again like any failed handling; shed ones are counted and not
// announced. To slow the service down, let its imports wait: they are where the points come from.
type Config struct {
	daemon.Config `yaml:",inline"`
}

// Validate returns all problems of a configuration read from YAML, joined, each a
// *config.FieldError.
func (c *Config) Validate() error {
	problems := []error{c.Config.Validate(), c.ServiceIs("score")}
	for i, l := range c.Mesh.Limits {
		// The event is emitted by the database's only writer, inside of the transaction that counts
		// (see count): one event that waits would hold up every other change.
		if mayMatchAwarded(l.Event) && l.Limit.Policy == mesh.Wait && (l.Place == "" || l.Place == mesh.AtEmit) {
			problems = append(problems, &config.FieldError{Field: fmt.Sprintf("mesh.limits[%d].limit.policy", i),
				Problem: fmt.Sprintf("%s (here %s) is emitted while the database is being written, and waiting would hold up every other change", Awarded.Subject(), l.Event),
				Remedy:  "choose refuse here, and wait at the imports of this node"})
		}
	}
	return errors.Join(problems...)
}

// mayMatchAwarded reports whether a rule's event is score.points.awarded or a pattern that could
// stand for it. It is stricter than NATS: a pattern of this service that cannot match is not told
// from one that can.
func mayMatchAwarded(event string) bool {
	if !strings.ContainsAny(event, "*>") {
		return event == Awarded.Subject()
	}
	service, _, _ := strings.Cut(event, ".")
	return service == "score" || service == "*" || service == ">"
}
