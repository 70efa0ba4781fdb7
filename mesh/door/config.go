package door

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"leafmesh/mesh/config"
)

// Config says where a port is, and who gets in.
type Config struct {
	// Listen is a host:port; port 0 takes any free port, and no host is the loopback interface.
	Listen string
	// Token must come with each request: see [Serve]. It may be left out if Listen is on the
	// loopback interface. It has 16 characters at least.
	Token config.Secret
}

// minToken is the least length of a token. One that is made as the documentation says has 32.
const minToken = 16

// Validate returns every problem of the configuration, joined, each a *config.FieldError of
// "listen" or "token"; nil for none.
func (c Config) Validate() error {
	var problems []error
	wrong := func(field, problem, remedy string) {
		problems = append(problems, &config.FieldError{Field: field, Problem: problem, Remedy: remedy})
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		wrong("listen", fmt.Sprintf("%q is not of the form host:port", c.Listen),
			"give host:port, as in 127.0.0.1:9101")
	}
	switch {
	case !c.Token.IsZero():
		if token, err := c.Token.Resolve(); err != nil {
			problems = append(problems, config.InField("token", err))
		} else if len(token) < minToken {
			wrong("token", fmt.Sprintf("it has %d characters", len(token)),
				fmt.Sprintf("give it %d at least, by chance: head -c 24 /dev/urandom | base64", minToken))
		}
	case err == nil && !isLoopback(host):
		wrong("token", fmt.Sprintf("it is missing, and %q is not this machine alone", host),
			"name its file {file: PATH} or environment variable {env: NAME}, or listen on 127.0.0.1")
	}
	return errors.Join(problems...)
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || err == nil && address.IsLoopback()
}

// HostOf is the host that a request names, without its port and without brackets.
func HostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return strings.Trim(host, "[]")
}
