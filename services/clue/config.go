package clue

import "leafmesh/services/daemon"

// Config says everything about one instance of the service.
type Config struct {
	daemon.Config `yaml:",inline"`
	// TrustTime lets callers of the HTTP API give the time of a guess, to play a log again. Otherwise a guess is made when
	// it comes in. Never set it where teams can reach the API: they would go around lock-outs.
	TrustTime bool `yaml:"trust_time"`
}
