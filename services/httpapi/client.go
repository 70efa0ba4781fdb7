package httpapi

import (
	"net/http"
	"net/netip"
)

// Client names who asks, for bounds on what one may hold: an IPv4 address, or the /64 network of an
// IPv6 address, which one client has for itself. A proxy is one client: what it says of others is
// not believed, as everybody could say it.
func Client(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := peer.Addr().Unmap()
	if address.Is4() {
		return address.String()
	}
	network, err := address.WithZone("").Prefix(64)
	if err != nil {
		return address.String()
	}
	return network.String()
}
