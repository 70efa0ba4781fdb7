package traces

import (
	"errors"
	"fmt"
	"net/url"

	"leafmesh/mesh/config"
)

// Config says where spans go.
type Config struct {
	// OTLP is the URL of what takes spans by OTLP over HTTP. Without a path, /v1/traces is asked.
	OTLP string `yaml:"otlp,omitempty" remedy:"give the URL of a collector, as in http://127.0.0.1:4318"`
	// Token is sent with each request, as "Authorization: Bearer TOKEN". Empty: none is.
	Token config.Secret `yaml:"token,omitempty"`
}

// Validate returns every problem of the configuration, joined, each a *config.FieldError; nil for none.
func (c Config) Validate() error {
	var problems []error
	if _, err := c.url(); err != nil {
		problems = append(problems, err)
	}
	if !c.Token.IsZero() {
		if _, err := c.Token.Resolve(); err != nil {
			problems = append(problems, config.InField("token", err))
		}
	}
	return errors.Join(problems...)
}

// url is where spans are sent to.
func (c Config) url() (string, error) {
	u, err := url.Parse(c.OTLP)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", &config.FieldError{Field: "otlp", Problem: fmt.Sprintf("%q is no URL of http or https", c.OTLP),
			Remedy: "give the URL of a collector, as in http://127.0.0.1:4318"}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}
