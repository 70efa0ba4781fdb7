package sick

import (
	"fmt"
	"time"

	"leafmesh/mesh"
)

// sample is the value of all events here.
type sample struct {
	Key string        `cbor:"1,keyasint"`
	Due time.Duration `cbor:"2,keyasint"` // when it was to be emitted, since the run began
}

func declare(subject string) *mesh.Event[sample] {
	return mesh.NewEvent[sample](subject, mesh.Key(func(s sample) string { return s.Key }))
}

// The healthy types. The keys that are to be sick are among those of node a's readings.
var (
	readings = [nodeCount]*mesh.Event[sample]{declare("a.reading.taken"), declare("b.reading.taken"), declare("c.reading.taken")}
	reports  = declare("a.report.sent") // to b and to c
)

// The types that only sick things are about, all of node a.
var (
	jobs    = declare("a.job.queued")   // a handler of it hangs
	orders  = declare("a.order.placed") // the same on node b, over a link
	tickets = declare("a.ticket.drawn") // a rule that waits is over its limit
)

const (
	failingKey = "failing"
	hotKey     = "hot"
)

// healthyKeys are so many that each of a handler's workers has some.
var healthyKeys = func() (keys [64]string) {
	for i := range keys {
		keys[i] = fmt.Sprintf("key%d", i)
	}
	return keys
}()
