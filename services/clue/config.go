package clue

import (
	"errors"
	"net"

	"leafmesh/mesh"
)

// Config says everything about one instance of the service.
type Config struct {
	// Mesh is its node.
	Mesh mesh.Config `yaml:"mesh"`
	// HTTP is the host:port of the HTTP API. An empty host means the loopback interface, port 0 any free one. Empty: no API.
	HTTP string `yaml:"http"`
	// Data is the directory of the database, clue.db; made if missing.
	Data mesh.Path `yaml:"data"`
	// Hunt is the hunt file, the same for all services. Only the daemon reads it: [New] is given the hunt.
	Hunt mesh.Path `yaml:"hunt"`
	// TrustTime lets callers of the HTTP API give the time of a guess, to play a log again. Otherwise a guess is made when
	// it comes in. Never set it where teams can reach the API: they would go around lock-outs.
	TrustTime bool `yaml:"trust_time"`
}

// Validate returns all problems of a configuration read from YAML, joined, each a *mesh.FieldError.
func (c *Config) Validate() error {
	problems := []error{mesh.InField("mesh", c.Mesh.Validate())}
	if c.HTTP != "" {
		if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
			problems = append(problems, &mesh.FieldError{Field: "http", Problem: err.Error(), Remedy: "give host:port, as in 127.0.0.1:8081"})
		}
	}
	if c.Data == "" {
		problems = append(problems, &mesh.FieldError{Field: "data", Problem: "it is missing", Remedy: "name the directory of the database"})
	}
	if c.Hunt == "" {
		problems = append(problems, &mesh.FieldError{Field: "hunt", Problem: "it is missing", Remedy: "name the hunt file"})
	}
	return errors.Join(problems...)
}
