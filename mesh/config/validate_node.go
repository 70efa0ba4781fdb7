package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// nodeName is the form of a node's name. Each word of the service begins with a letter and the
// instance has at most four digits: names that differ at each start (a process id, a random or
// container id, an address) do not match.
var nodeName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*-(0|[1-9][0-9]{0,3})$`)

// serviceName is the part of a node's name before the instance.
var serviceName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$`)

const (
	maxNameBytes = 64
	// ownService is the service of the framework's own events, such as dead letters. No node may
	// take its name.
	ownService = "mesh"
)

// checkName reports what is wrong with a node's name.
func checkName(name string) (problem, remedy string) {
	switch {
	case name == "":
		return "the node has no name", `give it one of the form service-instance, as in "clue-1"`
	case len(name) > maxNameBytes || !nodeName.MatchString(name):
		return fmt.Sprintf("%.80q is not a stable node name", name),
			`use service-instance, as in "clue-1": lower-case words that begin with a letter, then a number up to 9999; never a host name, process id or random id, which change`
	case ServiceOf(name) == ownService:
		return fmt.Sprintf("the service name %q is taken by the framework's own events", ownService), "choose another"
	}
	return "", ""
}

func (v *validation) name() {
	if problem, remedy := checkName(v.config.Name); problem != "" {
		v.add("name", problem, remedy)
		return
	}
	v.service = ServiceOf(v.config.Name)
}

// checkAddress reports what is wrong with a host:port to listen on or, with dial, to dial, where
// port 0 is none.
func checkAddress(address string, dial bool) (host, problem string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", "it is not of the form host:port"
	}
	number, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || (dial && number == 0):
		return host, fmt.Sprintf("%q is not a port number", port)
	case host == "":
		return host, "it has no host"
	case !validHost(host):
		return host, fmt.Sprintf("%q is not a host name or address", host)
	}
	return host, ""
}

// hostName is the form of host names (RFC 1123), with underscores as some container networks have
// them.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

func validHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || (len(host) <= 253 && hostName.MatchString(host) && strings.Trim(host, "0123456789.") != "")
}

func (v *validation) listen() {
	readers := slices.ContainsFunc(v.config.Peers, func(p Peer) bool { return len(p.MayImport) > 0 })
	if v.config.Listen == "" {
		if v.config.Hub != nil {
			return
		}
		if len(v.config.Exports) > 0 && !v.config.OneProcess {
			v.add("listen", "there are exports but no port, so no node could ever read them", "give host:port, as in 127.0.0.1:7401, or remove the exports")
		} else if readers {
			v.add("listen", "there are peers that may import but no port for them to dial", "give host:port, as in 127.0.0.1:7401, or remove may_import")
		}
		return
	}
	if _, problem := checkAddress(v.config.Listen, false); problem != "" {
		v.add("listen", problem, "give host:port, as in 127.0.0.1:7401, or 0.0.0.0:7401 for every interface")
	}
	if !readers {
		v.add("listen", "no peer may import, so nobody could use this port", "add may_import to the peers that import from this node, or remove listen", "peers")
	}
}

// dials reports whether there are peers that are reached by a direct link.
func (v *validation) dials() bool {
	return v.config.Hub == nil || slices.ContainsFunc(v.config.Peers, func(p Peer) bool { return p.URL != "" })
}

func (v *validation) seed() {
	if v.config.Seed.IsZero() {
		switch {
		case !v.config.Links.byKeys():
		case len(v.config.Imports) > 0 && v.dials():
			v.add("seed", "there are imports but no seed to prove to exporters who dials", "make one with: meshctl key FILE, then seed: {file: FILE}", "links")
		case v.config.Listen != "":
			v.add("seed", "there is a port but no seed to prove to importers who listens", "make one with: meshctl key FILE, then seed: {file: FILE}", "links")
		}
		return
	}
	seed, err := v.config.Seed.resolveSeed()
	if err != nil {
		v.addErr("seed", err)
		return
	}
	v.publicKey = publicKeyOf(seed)
}

func (v *validation) tap() {
	tap := v.config.Tap
	if tap == nil {
		return
	}
	host, problem := checkAddress(tap.Listen, false)
	if problem == "" && !loopback(host) {
		problem = fmt.Sprintf("%q is not this machine alone; what a tap reads and emits is not for others", host)
	}
	if problem != "" {
		v.add("tap.listen", problem, "give a loopback host:port, as in 127.0.0.1:4222 or localhost:0")
	}
	if strings.TrimSpace(tap.User) == "" {
		v.add("tap.user", "the tap has no user", "give a name that clients log in with")
	}
	if tap.Password.IsZero() {
		v.add("tap.password", "the tap has no password", "name its file {file: PATH} or environment variable {env: NAME}")
	} else if password, err := tap.Password.Resolve(); err != nil {
		v.addErr("tap.password", err)
	} else if bits := strength(password); bits < minStrength {
		v.addErr("tap.password", unreadable(fmt.Errorf("the password has %d bits at most, and must have %d: a tap answers thousands of guesses a second", bits, minStrength),
			"make one with: meshctl password FILE"))
	}
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
