package httpapi

import (
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"leafmesh/mesh/door"
)

// named refuses requests that name another host than ours. A page can have its own name lead to our
// address (DNS rebinding): to the browser the two are then of one origin, and only the name tells.
// An address is no such name, nor are localhost, the machine's own name and the name in the address
// listened on.
func named(h http.Handler, listen string, hosts []string) http.Handler {
	known := slices.Clone(hosts)
	known = append(known, "localhost", listen)
	if machine, err := os.Hostname(); err == nil {
		known = append(known, machine)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := door.HostOf(r); !isAddress(host) && !slices.ContainsFunc(known, func(name string) bool { return sameHost(name, host) }) {
			respondProblem(w, NewProblem(http.StatusMisdirectedRequest,
				"this server is not known as %.80q: ask for it by its address, or name that host in http_hosts of its file", host))
			return
		}
		h.ServeHTTP(w, r)
	})
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// sameHost compares names as DNS does. A name may end in the dot of the root.
func sameHost(a, b string) bool {
	return a != "" && strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
