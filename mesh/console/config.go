package console

import (
	"errors"

	"leafmesh/mesh/config"
	"leafmesh/mesh/door"
)

// Config says where a console is served, and to whom.
type Config struct {
	// Listen is a host:port; port 0 takes any free port, and no host is the loopback interface.
	Listen string `yaml:"listen,omitempty" remedy:"give host:port, as in 127.0.0.1:9201"`
	// Token must come with each request, as the password of any user or as "Authorization: Bearer
	// TOKEN". It may be left out if Listen is on the loopback interface; then a daemon's console
	// only shows. It has 16 characters at least.
	Token config.Secret `yaml:"token,omitempty"`
	// Operator is the seed of an nkey that nodes know as an operator's who may read: with it the
	// console shows the whole mesh, and without it its own node.
	Operator config.Secret `yaml:"operator,omitempty"`
}

// Validate returns every problem of the configuration, joined, each a *config.FieldError; nil for
// none.
func (c Config) Validate() error {
	problems := []error{c.door().Validate()}
	if !c.Operator.IsZero() {
		if _, err := c.Operator.Resolve(); err != nil {
			problems = append(problems, config.InField("operator", err))
		}
	}
	return errors.Join(problems...)
}

func (c Config) door() door.Config { return door.Config{Listen: c.Listen, Token: c.Token} }
