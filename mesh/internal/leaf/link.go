package leaf

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Link replaces Remotes and Importers while the server runs. Links that stay the
// same are not touched; those of an importer or remote that is gone, or that has another
// key or URL, are closed. What a remote takes may change while it is linked. New remotes
// are dialed at once; Link does not wait for them. Of two new nodes, give the exporter its
// importers before the importer its remotes: a first dial that is refused is repeated only
// after the reconnect wait of 0.5 to 1.5 s. After an error the links are as they were. Calls
// run one after the other. A tap client that logs in at the very moment may be refused, and
// has to try again. Errors: ErrStopped, or what is wrong with the arguments.
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

// dropImporters closes the links of importers that are no longer, or have another
// key now: a reload does not.
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
	importer string // whose key it is
	nonce    []byte
	hears    bool     // it has registered its beacon subject
	subjects []string // the wire subjects it has registered, sorted, without the links' own
}

// inbound lists the links of importers. Who a link is follows from its account, and so
// from its key: the name that the other side gives itself proves nothing.
func (s *Server) inbound() []inboundLink {
	var links []inboundLink
	for _, info := range s.leafs(true) {
		importer, ok := strings.CutPrefix(info.Account, readerPrefix)
		if !ok {
			continue
		}
		client := s.nats.GetLeafNode(info.ID)
		if client == nil {
			continue // closed since
		}
		link := inboundLink{id: info.ID, info: info, importer: importer, nonce: client.GetNonce()}
		link.hears = slices.Contains(info.Subs, BeaconSubject(importer))
		link.subjects = wireSubjects(info.Subs)
		links = append(links, link)
	}
	return links
}

// wireSubjects sorts what a link registered, without the links' own and NATS's own
// subjects, such as loop detection.
func wireSubjects(registered []string) []string {
	var subjects []string
	for _, subject := range registered {
		if subject[0] != '$' && subject[0] != '_' && !strings.HasPrefix(subject, ownPrefix) {
			subjects = append(subjects, subject)
		}
	}
	slices.Sort(subjects)
	return slices.Compact(subjects)
}

// outboundLink is our link to an exporter.
type outboundLink struct {
	info     *server.LeafInfo
	exporter string // the remote that was dialed
	nonce    string
}

// outbound lists the links to exporters.
func (s *Server) outbound() []outboundLink {
	var links []outboundLink
	for _, info := range s.leafs(false) {
		exporter, ok := strings.CutPrefix(info.Account, exporterPrefix)
		if !ok {
			continue
		}
		if client := s.nats.GetLeafNode(info.ID); client != nil {
			links = append(links, outboundLink{info: info, exporter: exporter, nonce: string(client.GetNonce())})
		}
	}
	return links
}

// outboundTo finds the link to the remote.
func (s *Server) outboundTo(remote Remote) (outboundLink, bool) {
	for _, link := range s.outbound() {
		if link.leadsTo(remote) {
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

// leadsTo reports whether the server at the other end has the remote's name.
func (l outboundLink) leadsTo(remote Remote) bool {
	return l.exporter == remote.Name && l.info.Name == remote.Name
}

// answersAs is the name of a server that is linked at the remote's address under
// another name than the remote's.
func (s *Server) answersAs(remote Remote) (string, bool) {
	for _, link := range s.outbound() {
		if link.exporter == remote.Name && link.info.Name != remote.Name {
			return link.info.Name, true
		}
	}
	return "", false
}

func (s *Server) leafs(subscriptions bool) []*server.LeafInfo {
	leafz, err := s.nats.Leafz(&server.LeafzOptions{Subscriptions: subscriptions})
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
