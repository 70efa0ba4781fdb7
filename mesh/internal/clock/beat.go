package clock

import "time"

// origin is what beats are counted from.
var origin = time.Now()

// ToBeat is how long it is until the next beat of a process: a multiple of each since it began. Who
// looks at something now and then looks at a beat, so that all who do are woken together. To be
// woken is nearly all that an idle node costs.
func ToBeat(each time.Duration) time.Duration {
	since := time.Since(origin) % each
	if since < 0 { // the time is that of a test
		since += each
	}
	return each - since
}
