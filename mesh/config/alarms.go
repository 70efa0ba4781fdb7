package config

import (
	"cmp"
	"time"
)

// Alarms says when the node's graph is alarming, see mesh.GraphAlarms, and when a handler is.
type Alarms struct {
	// Factor is how many events of a type a handler may emit for one event before that is told;
	// default 10, from 0.1 to a million. Three steps of 10 are 1110 events, and a cascade may have
	// 1000: a handler over it does not go together with the default bounds.
	Factor float64 `yaml:"factor,omitempty" reload:"live"`
	// Gain is how many events of a type may come back round a cycle for each that sets out before
	// that is told; default 1, from 0.1 to a million. Below it a cycle dies out by itself. Over it
	// the cycle grows until the guard stops it.
	Gain float64 `yaml:"gain,omitempty" reload:"live"`
	// Handling is how long a handler may run for one event until that is logged, once, and shown in
	// the node's counters; default 10s. It stops nothing: see mesh.Timeout.
	Handling time.Duration `yaml:"handling,omitempty" reload:"live"`
	// Slow is how long an event of the node may take, from its emit until a handler is done with
	// it, or a handler for one event of another node, until the flight recorder keeps the cascade
	// as it keeps those that fail: see mesh.Node.Why. Default 5s.
	Slow time.Duration `yaml:"slow,omitempty" reload:"live"`
	// Backlog is how long an event may wait in the outbox for a service until the node is not
	// ready; default 1h.
	Backlog time.Duration `yaml:"backlog,omitempty" reload:"live"`
	// Clock is how far the clocks of an exporter and this node may be apart until the node is not
	// ready; default 10s. Nothing is decided by comparing clocks; logs and traces read wrong.
	Clock time.Duration `yaml:"clock,omitempty" reload:"live"`
}

const (
	defaultAlarmFactor   = 10
	defaultAlarmGain     = 1
	defaultAlarmHandling = 10 * time.Second
	defaultAlarmSlow     = 5 * time.Second
	defaultAlarmBacklog  = time.Hour
	defaultAlarmClock    = 10 * time.Second
	minAlarm             = 0.1
	maxAlarm             = 1_000_000
)

// WithDefaults fills in what is left out.
func (a Alarms) WithDefaults() Alarms {
	return Alarms{Factor: cmp.Or(a.Factor, defaultAlarmFactor), Gain: cmp.Or(a.Gain, defaultAlarmGain),
		Handling: cmp.Or(a.Handling, defaultAlarmHandling), Slow: cmp.Or(a.Slow, defaultAlarmSlow),
		Backlog: cmp.Or(a.Backlog, defaultAlarmBacklog), Clock: cmp.Or(a.Clock, defaultAlarmClock)}
}
