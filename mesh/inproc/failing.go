package inproc

import (
	"fmt"
	"slices"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// maxFailing is how many events [Nodes.Failing] names of a node.
const maxFailing = 10

// What to do about a handler whose events come again, where nobody wants to wait for that.
const (
	durableRemedy = "to not wait for more deliveries, shorten the redelivery of the import (mesh.Redelivery), or return mesh.Final"
	retryRemedy   = "to not wait for more calls, shorten the handler's mesh.Retry, or return mesh.Final"
)

// Failing names the events that handlers failed and that come again, with the last error, and then
// what to do about it where nobody wants to wait for that, as in a test. It is empty if nothing
// fails.
func (nodes Nodes) Failing() (failing []string) {
	list, _ := nodes.failing()
	return list
}

// failing is Failing, and how many events are failed of each type that come out of an outbox again.
func (nodes Nodes) failing() (lines []string, durable map[string]uint64) {
	durable = map[string]uint64{}
	var remedies []string
	for _, n := range nodes {
		list := failures(n.Retrying())
		events := map[cause.ID]bool{}
		for i, r := range list {
			what, remedy := "call", retryRemedy
			if r.Durable {
				what, remedy = "delivery", durableRemedy
				if !events[r.Event] {
					durable[r.Type]++
				}
				events[r.Event] = true
			}
			if !slices.Contains(remedies, remedy) {
				remedies = append(remedies, remedy)
			}
			if i < maxFailing {
				lines = append(lines, fmt.Sprintf("%s: %s fails at handler %s, %s %d of %d, again at %s: %s",
					n.Name(), r.Type, r.Handler, what, r.Try, r.Of, r.NextAt.Format(time.TimeOnly), r.Error))
			}
		}
		if more := len(list) - maxFailing; more > 0 {
			lines = append(lines, fmt.Sprintf("%s: %d more fail", n.Name(), more))
		}
	}
	return append(lines, remedies...), durable
}

// failures leaves out the calls of a handler for an event whose delivery is in the list.
func failures(list []stats.Retrying) []stats.Retrying {
	type failure struct {
		event   cause.ID
		handler string
	}
	delivered := map[failure]bool{}
	for _, r := range list {
		if r.Durable {
			delivered[failure{r.Event, r.Handler}] = true
		}
	}
	return slices.DeleteFunc(list, func(r stats.Retrying) bool { return !r.Durable && delivered[failure{r.Event, r.Handler}] })
}
