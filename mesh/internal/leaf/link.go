package leaf

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Link replaces Remotes and Importers while the server runs. Links that stay the
// same are not touched; those of an importer or remote that is gone, or whose key
// or deny list changed, are closed. New remotes are dialed at once; Link does not
// wait for them. Of two new nodes, give the exporter its importers before the
// importer its remotes: a first dial that is refused is repeated only after the
// reconnect wait of 0.5 to 1.5 s. After an error the links are as they were, except that a remote
// whose deny list was to change may be gone. Calls run one after the other. A tap
// client that logs in at the very moment may be refused, and has to try again.
// Errors: ErrStopped, or what is wrong with the arguments.
func (s *Server) Link(remotes []Remote, importers []Importer) error {
	s.linking.Lock()
	defer s.linking.Unlock()
	old := s.currentSpec()
	if s.isStopping() {
		return fmt.Errorf("link leaf server %s: %w", old.Name, ErrStopped)
	}
	next := old
	next.Remotes, next.Importers = slices.Clone(remotes), slices.Clone(importers)
	if err := next.validate(); err != nil {
		return fmt.Errorf("link leaf server %s: %w", old.Name, err)
	}
	// The server refuses a changed deny list, but not a remote that comes anew.
	if between := keepUnchanged(old.Remotes, next.Remotes); len(between) < len(old.Remotes) {
		step := old
		step.Remotes = between
		if err := s.reload(step); err != nil {
			return fmt.Errorf("link leaf server %s: take out remotes: %w", old.Name, err)
		}
	}
	if err := s.reload(next); err != nil {
		return fmt.Errorf("link leaf server %s: %w", old.Name, err)
	}
	s.dropImporters(old, next)
	s.exporter.soon()
	return nil
}

func (s *Server) reload(next Spec) error {
	options, err := next.options(s.own)
	if err != nil {
		return s.clean(err)
	}
	s.log.follow(next.Remotes)
	if err := s.nats.ReloadOptions(options); err != nil {
		return s.clean(err)
	}
	s.mu.Lock()
	s.spec.Remotes, s.spec.Importers = next.Remotes, next.Importers
	s.mu.Unlock()
	return s.lookupAccounts()
}

// keepUnchanged returns the old remotes that are dialed the same way in next.
func keepUnchanged(old, next []Remote) []Remote {
	var kept []Remote
	for _, remote := range old {
		if slices.ContainsFunc(next, func(r Remote) bool { return r.URL == remote.URL && slices.Equal(r.Deny, remote.Deny) }) {
			kept = append(kept, remote)
		}
	}
	return kept
}

// dropImporters closes the links of importers that are no longer, or have another
// key now: a reload does not. Links that have not said who they are go too; those
// that may come back do.
func (s *Server) dropImporters(old, next Spec) {
	for _, link := range s.inbound() {
		i := slices.IndexFunc(old.Importers, func(i Importer) bool { return i.Name == link.importer })
		if i < 0 || !slices.Contains(next.Importers, old.Importers[i]) {
			_ = s.nats.DisconnectClientByID(link.id) // an error means that it is gone
		}
	}
}

// imports reports whether a peer of that name may link to us.
func (s Spec) imports(name string) bool {
	return slices.ContainsFunc(s.Importers, func(i Importer) bool { return i.Name == name })
}

// inboundLink is a peer's link to us.
type inboundLink struct {
	id       uint64
	info     *server.LeafInfo
	importer string // who it is, proven by its beacon subject; "" until it registers that
	nonce    []byte
	subjects []string // the wire subjects it has registered, sorted, without the links' own
}

// inbound lists the links into account Out.
func (s *Server) inbound() []inboundLink {
	var links []inboundLink
	for _, info := range s.leafs(Out, true) {
		client := s.nats.GetLeafNode(info.ID)
		if client == nil {
			continue // closed since
		}
		link := inboundLink{id: info.ID, info: info, nonce: client.GetNonce()}
		link.importer, link.subjects = sortSubjects(info.Subs)
		links = append(links, link)
	}
	return links
}

// sortSubjects takes what a link registered apart. Who a link is follows from the
// beacon subject: the server lets only that importer's key register it. The
// name that the other side gives itself proves nothing.
func sortSubjects(registered []string) (importer string, subjects []string) {
	for _, subject := range registered {
		name, isBeacon := strings.CutPrefix(subject, beaconPrefix)
		switch {
		case isBeacon && validName.MatchString(name):
			importer = name
		case strings.HasPrefix(subject, "$"), strings.HasPrefix(subject, "_"):
			// NATS's own, such as loop detection
		case strings.HasPrefix(subject, toPrefix):
			// what we say to it
		default:
			subjects = append(subjects, subject)
		}
	}
	slices.Sort(subjects)
	return importer, slices.Compact(subjects)
}

// outboundLink is our link to an exporter.
type outboundLink struct {
	info  *server.LeafInfo
	nonce string
}

// outbound lists the links out of account In.
func (s *Server) outbound() []outboundLink {
	var links []outboundLink
	for _, info := range s.leafs(In, false) {
		if client := s.nats.GetLeafNode(info.ID); client != nil {
			links = append(links, outboundLink{info: info, nonce: string(client.GetNonce())})
		}
	}
	return links
}

// outboundTo finds the link to the remote.
func (s *Server) outboundTo(remote Remote) (outboundLink, bool) {
	for _, link := range s.outbound() {
		if link.info.Name == remote.Name && remote.isAt(link.info.IP, link.info.Port) {
			return link, true
		}
	}
	return outboundLink{}, false
}

// Linked reports whether the exporter, a Remote's name, is linked and hears FromReader, and
// gives the link's number: a new link has another one. It takes a lock for each link, so
// ask now and then, and not for each message. Whether a reader hears ToReader is what
// Interested tells of account Out.
func (s *Server) Linked(exporter string) (number uint64, up bool) {
	remote, ok := s.remote(exporter)
	if !ok || !s.Interested(In, FromReader(s.Name(), exporter)) {
		return 0, false
	}
	link, up := s.outboundTo(remote)
	if !up {
		return 0, false
	}
	return link.info.ID, true
}

// answersAs is the name of a server that is linked at the remote's address under
// another name than the remote's.
func (s *Server) answersAs(remote Remote) (string, bool) {
	for _, link := range s.outbound() {
		if link.info.Name != remote.Name && remote.isAt(link.info.IP, link.info.Port) {
			return link.info.Name, true
		}
	}
	return "", false
}

func (s *Server) leafs(account Account, subscriptions bool) []*server.LeafInfo {
	leafz, err := s.nats.Leafz(&server.LeafzOptions{Account: string(account), Subscriptions: subscriptions})
	if err != nil {
		return nil // it never fails; its signature is that of the other reports
	}
	return leafz.Leafs
}

// address is host:port of the URL, as the server logs it.
func (r Remote) address() string {
	u, err := parseRemoteURL(r.URL)
	if err != nil {
		return r.URL
	}
	return net.JoinHostPort(u.Hostname(), u.Port())
}

// isAt reports whether a connection to ip and port can be one to the remote. A
// host name may stand for any address; then the port and the server's name decide.
func (r Remote) isAt(ip string, port int) bool {
	u, err := parseRemoteURL(r.URL)
	if err != nil || u.Port() != fmt.Sprint(port) {
		return false
	}
	want, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return true
	}
	got, err := netip.ParseAddr(ip)
	return err == nil && got.Unmap() == want.Unmap()
}
