package leaf

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats-server/v2/server"
)

// SetSeed gives the server another nkey while it runs. Links stay as they are, and those that
// are made later prove the new one. Give it to the peers before, as a second key; take the old
// one from them when all links were made anew: what they close then
// is dialed again. Errors: ErrStopped, or what is wrong with the seed.
func (s *Server) SetSeed(seed string) error {
	s.linking.Lock()
	defer s.linking.Unlock()
	next := s.currentSpec()
	if s.isStopping() {
		return fmt.Errorf("change the key of leaf server %s: %w", next.Name, ErrStopped)
	}
	next.Seed = seed
	err := next.validate()
	if err == nil {
		next.proof, err = next.newProof()
	}
	if err == nil {
		s.log.hide(seed)
		err = s.reload(next)
	}
	if err != nil {
		return fmt.Errorf("change the key of leaf server %s: %w", next.Name, err)
	}
	return nil
}

// Seed is the nkey that the server proves now.
func (s *Server) Seed() string { return s.currentSpec().Seed }

// Reread takes the organisation's certificates and the hub's CA as their files are now, for links
// that are made later. Errors: ErrStopped, or what is wrong with the files.
func (s *Server) Reread() error {
	s.linking.Lock()
	defer s.linking.Unlock()
	spec := s.currentSpec()
	if s.isStopping() {
		return fmt.Errorf("read the certificates of leaf server %s: %w", spec.Name, ErrStopped)
	}
	err := error(nil)
	if spec.Certificates != nil {
		err = spec.Certificates.Check() // they are read at each handshake
	}
	if err == nil && spec.Hub != nil {
		err = s.reload(spec)
	}
	if err != nil {
		return fmt.Errorf("read the certificates of leaf server %s: %w", spec.Name, err)
	}
	return nil
}

// revoke closes the links of peers that are no longer, or that were made with a key that the
// peer no longer has: a reload does not.
func (s *Server) revoke(old, next Spec) {
	still := map[Account][]string{} // what the peer of an account may prove
	for _, importer := range next.Importers {
		still[readerAccount(importer.Name)] = next.mayBe(importer)
	}
	for _, remote := range next.Remotes {
		still[exporterAccount(remote.Name)] = next.shouldBe(remote)
	}
	for _, importer := range old.Importers {
		account := readerAccount(importer.Name)
		s.closeBut(account, old.mayBe(importer), still[account])
	}
	for _, remote := range old.Remotes { // those that are gone are closed by the reload
		account := exporterAccount(remote.Name)
		s.closeBut(account, old.shouldBe(remote), still[account])
	}
}

// closeBut closes the links of an account, if one of its keys is gone, that were made with none of
// those that remain. Of a plain link it is not known which it was.
func (s *Server) closeBut(account Account, before, remain []string) {
	if !slices.ContainsFunc(before, func(key string) bool { return !slices.Contains(remain, key) }) {
		return
	}
	for _, link := range s.leafs(account) {
		if !slices.ContainsFunc(s.proved(link.ID), func(key string) bool { return slices.Contains(remain, key) }) {
			s.close(link)
		}
	}
}

// close closes a link at once. The server alone would wait up to 10 s for a peer that does not
// read. An error means that the link is gone.
func (s *Server) close(link *server.LeafInfo) {
	socket, found := s.currentSpec().sockets.at(addressOf(link))
	_ = s.nats.DisconnectClientByID(link.ID)
	if socket != nil {
		_ = socket.Close()
	}
	found.end()
}

// CutImporter closes the links of an importer, which may dial again at once.
func (s *Server) CutImporter(name string) { s.cut(readerAccount(name)) }

// cut closes the links of an account.
func (s *Server) cut(account Account) {
	for _, link := range s.leafs(account) {
		s.close(link)
	}
}

// proved is what the peer of a link proved when it was made; nothing for a plain link.
func (s *Server) proved(link uint64) []string {
	client := s.nats.GetLeafNode(link)
	if client == nil {
		return nil
	}
	state := client.GetTLSConnectionState()
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	return state.PeerCertificates[0].DNSNames
}
