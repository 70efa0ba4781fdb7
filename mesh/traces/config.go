package traces

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"leafmesh/mesh/config"
)

// Config says where spans go.
type Config struct {
	// OTLP is the URL of what takes spans by OTLP over HTTP, without a password and without a
	// query, as a log shows where it leads. Without a path, /v1/traces is asked.
	OTLP string `yaml:"otlp,omitempty" remedy:"give the URL of a collector, as in http://127.0.0.1:4318"`
	// Token is sent with each request, as "Authorization: Bearer TOKEN": over https, or to this
	// machine. Empty: none is.
	Token config.Secret `yaml:"token,omitempty"`
}

// Validate returns every problem of the configuration, joined, each a *config.FieldError; nil for
// none.
func (c Config) Validate() error {
	u, err := c.url()
	problems := []error{err}
	if !c.Token.IsZero() {
		if _, err := c.Token.Resolve(); err != nil {
			problems = append(problems, config.InField("token", err))
		}
		if err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			problems = append(problems, &config.FieldError{Field: "token", Problem: fmt.Sprintf("all on the way to %s could read it", u.Host),
				Remedy: "use https, or a collector on this machine"})
		}
	}
	return errors.Join(problems...)
}

// url is where spans are sent to. The error has nothing of it, as there may be a secret in it.
func (c Config) url() (*url.URL, error) {
	u, err := url.Parse(c.OTLP)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, &config.FieldError{Field: "otlp", Problem: "it is no URL of http or https", Remedy: "give the URL of a collector, as in http://127.0.0.1:4318"}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, &config.FieldError{Field: "otlp", Problem: "it has a password, a query or a fragment",
			Remedy: "leave it out; what the receiver wants as its secret goes into token"}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u, nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
