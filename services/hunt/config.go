package hunt

import (
	"errors"
	"fmt"
	"net"

	"leafmesh/mesh"
)

// DefaultMaxTeams is how many teams may join unless the configuration says otherwise. Each takes a few kilobytes of memory in
// this service and in clue; the largest public hunts have had some 4,000 teams.
const DefaultMaxTeams = 10_000

// Config says everything about one instance of the service.
type Config struct {
	// Mesh is its node.
	Mesh mesh.Config `yaml:"mesh"`
	// HTTP is the host:port of the HTTP API. An empty host means the loopback interface, port 0 any free one. Empty: no API.
	HTTP string `yaml:"http"`
	// Data is the directory of the database, hunt.db; made if missing.
	Data mesh.Path `yaml:"data"`
	// Hunt is the hunt file, the same for all services. Only the daemon reads it: [New] is given the hunt.
	Hunt mesh.Path `yaml:"hunt"`
	// MaxTeams is how many teams may join; 0 means DefaultMaxTeams.
	MaxTeams int `yaml:"max_teams"`
}

// Validate returns all problems of a configuration read from YAML, joined, each a *mesh.FieldError.
func (c *Config) Validate() error {
	problems := []error{mesh.InField("mesh", c.Mesh.Validate())}
	if c.HTTP != "" {
		if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
			problems = append(problems, &mesh.FieldError{Field: "http", Problem: err.Error(), Remedy: "give host:port, as in 127.0.0.1:8082"})
		}
	}
	if c.Data == "" {
		problems = append(problems, &mesh.FieldError{Field: "data", Problem: "it is missing", Remedy: "name the directory of the database"})
	}
	if c.Hunt == "" {
		problems = append(problems, &mesh.FieldError{Field: "hunt", Problem: "it is missing", Remedy: "name the hunt file"})
	}
	if c.MaxTeams < 0 {
		problems = append(problems, &mesh.FieldError{Field: "max_teams", Problem: fmt.Sprintf("%d is negative", c.MaxTeams),
			Remedy: fmt.Sprintf("give a number of teams, or leave it out for %d", DefaultMaxTeams)})
	}
	return errors.Join(problems...)
}
