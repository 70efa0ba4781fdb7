package leaf

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Link replaces Remotes and Importers while the server runs. Links that stay the
// same are not touched; those of an importer or remote that is gone or has another URL, and
// those that were made with a key that it no longer has, are closed at once: nothing more is
// delivered over them. New remotes are dialed at once; Link does not wait for them. Of two
// new nodes, give the exporter its importers before the importer its remotes: a first dial that
// is refused is repeated only after the reconnect wait of 0.5 to 1.5 s. After an error the
// links are as they were. Calls run one after the other. A tap client that logs in at the very
// moment may be refused, and has to try again. Errors: ErrStopped, or what is wrong with the
// arguments.
func (s *Server) Link(remotes []Remote, importers []Importer) error {
	s.linking.Lock()
	defer s.linking.Unlock()
	old := s.currentSpec()
	if s.isStopping() {
		return fmt.Errorf("link leaf server %s: %w", old.Name, ErrStopped)
	}
	next := old
	next.Remotes, next.Importers = slices.Clone(remotes), slices.Clone(importers)
	for i := range next.Remotes {
		next.Remotes[i].paused = s.isShunned(next.Remotes[i].Name)
	}
	if err := next.validate(); err != nil {
		return fmt.Errorf("link leaf server %s: %w", old.Name, err)
	}
	// While a reload runs, a remote that it brings may not find its new account, and is then dialed
	// again only after the reconnect wait. So the accounts come first.
	if first, differs := next.withoutNew(old); differs {
		if err := s.reload(first); err != nil {
			return fmt.Errorf("link leaf server %s: %w", old.Name, err)
		}
	}
	if err := s.reload(next); err != nil {
		return fmt.Errorf("link leaf server %s: %w", old.Name, errors.Join(err, s.reload(old)))
	}
	s.revoke(old, next)
	return nil
}

// Peers are the remotes and importers of now, as Link takes them.
func (s *Server) Peers() (remotes []Remote, importers []Importer) {
	spec := s.currentSpec()
	remotes = slices.Clone(spec.Remotes)
	for i := range remotes {
		remotes[i].paused = false // for a moment only
	}
	return remotes, slices.Clone(spec.Importers)
}

// withoutNew is s with the accounts of new remotes, which are not dialed yet. differs reports
// whether there are any.
func (s Spec) withoutNew(old Spec) (first Spec, differs bool) {
	s.Remotes = slices.Clone(s.Remotes)
	for i := range s.Remotes {
		if r := &s.Remotes[i]; r.URL != "" && !slices.ContainsFunc(old.Remotes, func(o Remote) bool { return o.Name == r.Name }) {
			r.URL, differs = "", true
		}
	}
	return s, differs
}

func (s *Server) reload(next Spec) error {
	options, err := next.options(s.own)
	if err != nil {
		return s.clean(err)
	}
	s.log.follow(next)
	if err := s.nats.ReloadOptions(options); err != nil {
		return s.clean(err)
	}
	s.mu.Lock()
	s.spec = next
	s.mu.Unlock()
	return s.lookupAccounts()
}

// Redial makes the server dial a Remote at once that is not linked, and not only after the
// reconnect wait. It looks first whether somebody listens there, which costs a TCP connection: the
// rest costs a reload, some milliseconds, and more with many peers. Errors: ErrStopped,
// ErrUnknownPeer, ErrNotListening, ErrShunned.
func (s *Server) Redial(exporter string) error {
	if s.isShunned(exporter) {
		return fmt.Errorf("dial %s again: %w", exporter, ErrShunned)
	}
	if remote, ok := s.remote(exporter); ok && remote.URL != "" {
		if err := remote.probe(); err != nil {
			return fmt.Errorf("dial %s again: %w", exporter, err)
		}
	}
	err := s.pause(exporter, true)
	if err == nil {
		err = s.resume(exporter)
	}
	if err != nil {
		return fmt.Errorf("dial %s again: %w", exporter, err)
	}
	return nil
}

// probeTimeout bounds how long Redial looks whether somebody listens.
const probeTimeout = 250 * time.Millisecond

func (r Remote) probe() error {
	conn, err := net.DialTimeout("tcp", r.address(), probeTimeout)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotListening, err)
	}
	_ = conn.Close() // nothing was sent
	return nil
}

const (
	// resumeEach and maxResumes: the server refuses to dial a remote whose last dial is not over
	// yet, which lasts a second at most.
	resumeEach = 10 * time.Millisecond
	maxResumes = 500
)

// resume dials a remote that is paused. It tries until the server takes it, else the remote would
// stay so; between the tries others may reload.
func (s *Server) resume(exporter string) (err error) {
	for range maxResumes {
		err = s.pause(exporter, false)
		if err == nil || errors.Is(err, ErrStopped) || errors.Is(err, ErrUnknownPeer) {
			return err
		}
		time.Sleep(resumeEach)
	}
	return err
}

// pause lets the server not dial a remote, or dial it again.
func (s *Server) pause(exporter string, paused bool) error {
	s.linking.Lock()
	defer s.linking.Unlock()
	spec := s.currentSpec()
	i := slices.IndexFunc(spec.Remotes, func(r Remote) bool { return r.Name == exporter && r.URL != "" })
	switch {
	case s.isStopping():
		return ErrStopped
	case i < 0:
		return ErrUnknownPeer
	}
	spec.Remotes = slices.Clone(spec.Remotes)
	spec.Remotes[i].paused = paused
	return s.reload(spec)
}

// isTo reports whether a link of a line's account leads to the line's peer. Who an importer is
// follows from its account, and so from its key: the name that it gives itself proves nothing.
// Of an exporter on a plain link the name is all that there is. Of a cluster any server will do.
func (s *Server) isTo(l *Line, info *server.LeafInfo) bool {
	return l.isDialedByPeer() || l.account == hubAccount || info.Name == l.peer
}

// leafs lists the links of an account; of all accounts if it is "".
func (s *Server) leafs(account Account) []*server.LeafInfo {
	leafz, err := s.nats.Leafz(&server.LeafzOptions{Account: string(account)})
	if err != nil {
		return nil // it never fails; its signature is that of the other reports
	}
	return leafz.Leafs
}

// otherName is the trouble with a server that has another name than it should.
const otherName = "the server there is named"

// Trouble is why the link to a Remote is not up, for people: what was logged about it last, or
// that the server there has another name; "" if nothing is known.
func (s *Server) Trouble(exporter string) string {
	remote, ok := s.remote(exporter)
	if !ok {
		return ""
	}
	for _, link := range s.leafs(exporterAccount(exporter)) {
		if link.Name != exporter {
			return fmt.Sprintf(otherName+" %s: correct the name or the URL", link.Name)
		}
	}
	return s.log.problem(remote.address())
}

// Doubled is when another process with this node's name and key last took over the link to an
// exporter, or to the hub; zero if none did.
func (s *Server) Doubled(peer string) time.Time { return s.log.doubles.of(peer) }

// HubTrouble is [Server.Trouble] for the hub.
func (s *Server) HubTrouble() string {
	var all []string
	if hub := s.currentSpec().Hub; hub != nil {
		for _, address := range hub.addresses() {
			if problem := s.log.problem(address); problem != "" {
				all = append(all, problem)
			}
		}
	}
	return strings.Join(all, "; ")
}

func (s *Server) remote(name string) (Remote, bool) {
	for _, remote := range s.currentSpec().Remotes {
		if remote.Name == name {
			return remote, true
		}
	}
	return Remote{}, false
}

// address is host:port of the URL, as the server logs it.
func (r Remote) address() string {
	u, err := parseRemoteURL(r.URL)
	if err != nil {
		return r.URL
	}
	return net.JoinHostPort(u.Hostname(), u.Port())
}
