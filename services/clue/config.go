package clue

import (
	"errors"

	"leafmesh/services/daemon"
)

// Config says everything about one instance of the service.
type Config struct {
	daemon.Config `yaml:",inline"`
	// TrustTime lets callers of the HTTP API give the time of a guess, to play a log again.
	// Otherwise a guess is made when it comes in. Never set it where teams can reach the API: they
	// would go around lock-outs.
	TrustTime bool `yaml:"trust_time"`
}

// Validate returns all problems, joined, each a *mesh.FieldError.
func (c *Config) Validate() error { return errors.Join(c.Config.Validate(), c.ServiceIs("clue")) }
