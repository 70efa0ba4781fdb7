package leaf

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/wire"
)

// lookAgain is how often Ready looks at the links themselves. What beacons bring
// wakes it at once.
const lookAgain = 50 * time.Millisecond

// beaconDecoding bounds what a beacon may make us allocate. Its size in bytes is
// bounded by MaxPayload.
var beaconDecoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		MaxArrayElements: 2 * maxSubscriptions,
		MaxMapPairs:      32,
		MaxNestedLevels:  4,
	}.DecMode()
	if err != nil {
		panic(err) // the options are constant
	}
	return mode
}()

func decodeBeacon(data []byte) (b beacon, err error) {
	if err := wire.CheckLengths(data); err != nil {
		return beacon{}, err
	}
	err = beaconDecoding.Unmarshal(data, &b)
	return b, err
}

// importer collects the beacons of the exporters this server is linked to.
type importer struct {
	server *Server

	mu      sync.Mutex
	beacons map[string]heard // guarded by mu; by nonce, of present links only
	changed chan struct{}    // guarded by mu; closed and replaced at each beacon
}

// heard is the latest beacon of a link.
type heard struct {
	beacon beacon
	count  uint64
}

func startImporter(s *Server) (*importer, error) {
	i := &importer{server: s, beacons: map[string]heard{}, changed: make(chan struct{})}
	connection, err := s.Connect(In, nats.Name("beacons"))
	if err != nil {
		return nil, fmt.Errorf("connect beacons: %w", err)
	}
	if _, err := connection.Subscribe(BeaconSubject(s.Name()), i.hear); err != nil {
		return nil, fmt.Errorf("subscribe to beacons: %w", err)
	}
	return i, nil
}

// hear runs in the subscription's goroutine, which ends with the connection.
func (i *importer) hear(message *nats.Msg) {
	b, err := decodeBeacon(message.Data)
	if err != nil {
		return // only an exporter's own link can carry it; Ready will say what is missing
	}
	nonce := string(b.Nonce)
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, known := i.beacons[nonce]; !known && !i.adoptLocked(nonce) {
		return // of a link that is gone, or made up
	}
	i.beacons[nonce] = heard{beacon: b, count: i.beacons[nonce].count + 1}
	close(i.changed)
	i.changed = make(chan struct{})
}

// adoptLocked looks for a present link with the nonce, and forgets links that
// are gone.
func (i *importer) adoptLocked(nonce string) bool {
	present := map[string]bool{}
	for _, link := range i.server.outbound() {
		present[link.nonce] = true
	}
	for known := range i.beacons {
		if !present[known] {
			delete(i.beacons, known)
		}
	}
	return present[nonce]
}

// latest returns what was last heard over the link, and a channel that is closed
// by the next beacon.
func (i *importer) latest(nonce string) (heard, bool, <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	h, ok := i.beacons[nonce]
	return h, ok, i.changed
}

// Ready waits until the peer, a Remote's name, is linked and has registered
// this server's interest in every one of the wire subjects: what the peer publishes
// from then on arrives, as long as the link lasts. The subjects must be those
// subscribed to in account In, letter for letter; queue groups don't matter.
//
// Errors: ErrUnknownPeer; ErrNotExported (a *NotExportedError) when the peer does
// not export one of them; ErrPayloadLimit; ErrStopped; and a *NotReadyError with
// the context's error and cause when ctx ends first.
//
// It takes what the peer's latest beacon over the present link says, so interest
// that was taken back and given again within a second may still count as seen.
func (s *Server) Ready(ctx context.Context, peer string, wireSubjects []string) error {
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		remote, ok := s.remote(peer)
		if !ok {
			return fmt.Errorf("ready for %s: %w", peer, ErrUnknownPeer)
		}
		state := s.look(remote, wireSubjects)
		if state.err != nil || state.ready {
			return state.err
		}
		select {
		case <-state.changed:
		case <-ticker.C:
		case <-s.quit:
			return fmt.Errorf("ready for %s: %w", peer, ErrStopped)
		case <-ctx.Done():
			return s.notReady(remote, state, clock.EndOf(ctx))
		}
	}
}

// ReadyFor is Ready for several peers at once, with what is wanted of each. It reports
// each failure as it comes.
func (s *Server) ReadyFor(ctx context.Context, wanted map[string][]string, failed func(error)) {
	var peers sync.WaitGroup
	defer peers.Wait()
	for peer, wireSubjects := range wanted {
		peers.Go(func() {
			if err := s.Ready(ctx, peer, wireSubjects); err != nil {
				failed(err)
			}
		})
	}
}

// readiness is one look at a peer.
type readiness struct {
	ready     bool
	connected bool
	missing   []string
	changed   <-chan struct{}
	err       error // final
}

func (s *Server) look(remote Remote, subjects []string) readiness {
	link, connected := s.outboundTo(remote)
	h, ok, changed := s.importer.latest(link.nonce)
	state := readiness{connected: connected, changed: changed}
	if !connected || !ok {
		state.missing = subjects
		return state
	}
	if limit := s.currentSpec().MaxPayload; h.beacon.MaxPayload > limit {
		state.err = fmt.Errorf("%s sends up to %d bytes, we accept %d: give both the same max payload: %w",
			remote.Name, h.beacon.MaxPayload, limit, ErrPayloadLimit)
		return state
	}
	for _, subject := range subjects {
		if !slices.ContainsFunc(h.beacon.Exports, func(export string) bool { return config.Match(export, subject) }) {
			state.err = &NotExportedError{Peer: remote.Name, Subject: subject, Exports: h.beacon.Exports}
			return state
		}
		if !slices.Contains(h.beacon.Seen, subject) {
			state.missing = append(state.missing, subject)
		}
	}
	state.ready = len(state.missing) == 0
	return state
}

func (s *Server) notReady(remote Remote, state readiness, cause error) error {
	hint := s.log.problem(remote)
	if other, ok := s.answersAs(remote); ok {
		hint = fmt.Sprintf("the server there is named %s: correct the name or the URL", other)
	}
	return &NotReadyError{
		Peer:      remote.Name,
		URL:       remote.URL,
		Connected: state.connected,
		Missing:   state.missing,
		Hint:      hint,
		Cause:     cause,
	}
}

func (s *Server) remote(name string) (Remote, bool) {
	for _, remote := range s.currentSpec().Remotes {
		if remote.Name == name {
			return remote, true
		}
	}
	return Remote{}, false
}
