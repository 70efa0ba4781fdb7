package hunt

import (
	"errors"
	"fmt"

	"leafmesh/mesh/config"
	"leafmesh/services/daemon"
)

// DefaultMaxTeams is how many teams may join unless the configuration says otherwise. Each takes a
// few kilobytes of memory in this service and in clue; the largest public hunts have had some 4,000
// teams.
const DefaultMaxTeams = 10_000

// Config says everything about one instance of the service.
type Config struct {
	daemon.Config `yaml:",inline"`
	// MaxTeams is how many teams may join; 0 means DefaultMaxTeams.
	MaxTeams int `yaml:"max_teams"`
}

// Validate returns all problems of a configuration read from YAML, joined, each a
// *config.FieldError.
func (c *Config) Validate() error {
	problems := []error{c.Config.Validate(), c.ServiceIs("hunt")}
	if c.MaxTeams < 0 {
		problems = append(problems, &config.FieldError{Field: "max_teams", Problem: fmt.Sprintf("%d is negative", c.MaxTeams),
			Remedy: fmt.Sprintf("give a number of teams, or leave it out for %d", DefaultMaxTeams)})
	}
	return errors.Join(problems...)
}
