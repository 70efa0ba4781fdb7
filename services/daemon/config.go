package daemon

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/console"
	"leafmesh/mesh/metrics"
	"leafmesh/mesh/traces"
)

// Config is what every service is told about one instance of it. A service embeds it in a Config of
// its own, inline in YAML, beside what only that service is told:
//
//	type Config struct {
//		daemon.Config `yaml:",inline"`
//		MaxTeams      int `yaml:"max_teams"`
//	}
type Config struct {
	// Mesh is its node.
	Mesh mesh.Config `yaml:"mesh" reload:"parts"`
	// HTTP is the host:port of the HTTP API. An empty host means the loopback interface, port 0 any
	// free one. Empty: no API.
	HTTP string `yaml:"http" reload:"restart" remedy:"give host:port, as in 127.0.0.1:8080"`
	// HTTPHosts are the names by which the HTTP API is asked for, beside its addresses, localhost
	// and the machine's name.
	HTTPHosts []string `yaml:"http_hosts" reload:"restart" remedy:"give names of hosts without a port, as in [hunt.example.org]"`
	// Metrics is a port with the node's metrics and health. Nil: none.
	Metrics *metrics.Config `yaml:"metrics" reload:"restart"`
	// Traces says where spans of the node's cascades go. Nil: nowhere.
	Traces *traces.Config `yaml:"traces" reload:"restart"`
	// Log says what is logged.
	Log LogConfig `yaml:"log" reload:"parts"`
	// Console is a port with a page that shows the node. Nil: none. Who has its token may change
	// limits, cuts and dead letters; without one it only shows.
	Console *console.Config `yaml:"console" reload:"restart"`
	// StopDelay is how long the daemon goes on as before when it is to stop, but for /readyz, which
	// says so at once: the time that a load balancer takes to notice. Default 0.
	StopDelay time.Duration `yaml:"stop_delay" reload:"restart" remedy:"give a duration, as in 5s"`
	// Data is the directory of the database, <service>.db; made if missing.
	Data mesh.Path `yaml:"data" reload:"restart" contents:"none"`
	// Hunt is the hunt file, the same for all services. Only the daemon reads it: a service's New
	// is given the hunt.
	Hunt mesh.Path `yaml:"hunt" reload:"restart" contents:"none"`
}

// ServiceIs reports, as a *config.FieldError, that the node is of another service than the program.
func (c *Config) ServiceIs(service string) error {
	if name, _, found := strings.Cut(c.Mesh.Name, "-"); found && name != service {
		return &config.FieldError{Field: "mesh.name", Problem: fmt.Sprintf("%q is a node of service %s", c.Mesh.Name, name),
			Remedy: "this program is service " + service + ": give it that one's file"}
	}
	return nil
}

// Validate returns all problems of a configuration read from YAML, joined, each a
// *config.FieldError. A service with a Validate of its own joins these to its own.
func (c *Config) Validate() error {
	problems := []error{config.InField("mesh", c.Mesh.Validate()), config.InField("log", c.Log.Validate())}
	if c.HTTP != "" {
		if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
			problems = append(problems, &config.FieldError{Field: "http", Problem: "it is not of the form host:port", Remedy: "give host:port, as in 127.0.0.1:8080"})
		}
	}
	for i, host := range c.HTTPHosts {
		if host == "" || strings.ContainsAny(host, ":/* ") {
			problems = append(problems, &config.FieldError{Field: fmt.Sprintf("http_hosts[%d]", i), Problem: fmt.Sprintf("%q is no name of a host", host), Remedy: "give names without a port, as in hunt.example.org"})
		}
	}
	if c.Metrics != nil {
		problems = append(problems, config.InField("metrics", c.Metrics.Validate()))
	}
	if c.Traces != nil {
		problems = append(problems, config.InField("traces", c.Traces.Validate()))
	}
	if c.Console != nil {
		problems = append(problems, config.InField("console", c.Console.Validate()))
	}
	if c.StopDelay < 0 || c.StopDelay > maxStopDelay {
		problems = append(problems, &config.FieldError{Field: "stop_delay", Problem: fmt.Sprintf("%v is not from 0 to %v", c.StopDelay, maxStopDelay), Remedy: "give the time that a load balancer takes to notice, as in 5s"})
	}
	if c.Data == "" {
		problems = append(problems, &config.FieldError{Field: "data", Problem: "it is missing", Remedy: "name the directory of the database"})
	}
	if c.Hunt == "" {
		problems = append(problems, &config.FieldError{Field: "hunt", Problem: "it is missing", Remedy: "name the hunt file"})
	}
	return errors.Join(problems...)
}
