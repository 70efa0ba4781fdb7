package metrics

import (
	"leafmesh/mesh/config"
	"leafmesh/mesh/door"
)

// Config says where metrics are given out, and to whom.
type Config struct {
	// Listen is a host:port; port 0 takes any free port, and no host is the loopback interface.
	Listen string `yaml:"listen,omitempty" remedy:"give host:port, as in 127.0.0.1:9101"`
	// Token must come with each request, as "Authorization: Bearer TOKEN". It may be left out if
	// Listen is on the loopback interface. It has 16 characters at least.
	Token config.Secret `yaml:"token,omitempty"`
	// Pprof serves Go's profiles under /debug/pprof/, too. They show what the program holds in
	// memory.
	Pprof bool `yaml:"pprof,omitempty" remedy:"write true or false"`
}

// Validate returns every problem of the configuration, joined, each a *config.FieldError; nil for
// none.
func (c Config) Validate() error { return c.door().Validate() }

func (c Config) door() door.Config { return door.Config{Listen: c.Listen, Token: c.Token} }
