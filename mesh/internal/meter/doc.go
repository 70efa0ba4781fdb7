// Package meter counts durations in the buckets of a Prometheus histogram, native and classic, for
// a price that each event can pay: no lock and no float, and an allocation once a second at most.
// It knows neither Prometheus' client nor what is measured.
package meter
