package leaf

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"
)

const (
	// pollInterval: how soon an importer learns of a change. A look costs a lock
	// and a count; only when the count changed are the links listed.
	pollInterval = 20 * time.Millisecond
	// beaconInterval repeats what may have been lost.
	beaconInterval = time.Second
	// beaconRoom is what a beacon holds besides its two lists, in bytes.
	beaconRoom = 256
)

// beacon is what an exporter tells an importer about their link, on the
// importer's beacon subject. An importer can't see what arrived at the other
// side: NATS acknowledges no interest over a link.
type beacon struct {
	// Exporter is the sender's name, for people. Nonce is what counts.
	Exporter string `cbor:"1,keyasint"`
	// Nonce is the one the exporter gave the importer when this link was made.
	// Only the two ends know it, so it names the link and the sender at once: a
	// beacon of a former link, or one that another peer made up, has none of the
	// importer's present nonces.
	Nonce []byte `cbor:"2,keyasint"`
	// MaxPayload is the exporter's limit in bytes.
	MaxPayload int `cbor:"3,keyasint"`
	// Exports are the wire subjects the exporter declares.
	Exports []string `cbor:"4,keyasint"`
	// Seen are the wire subjects this link has registered, sorted.
	Seen []string `cbor:"5,keyasint"`
}

// exporter sends beacons to the importers that are linked.
type exporter struct {
	server     *Server
	connection *nats.Conn
	quit, done chan struct{}
	kick       chan struct{} // asks for beacons now

	mu   sync.Mutex
	sent map[uint64]sent // guarded by mu; by connection id of the link
}

// sent is what was last told over a link.
type sent struct {
	seen  []string
	count uint64
}

func startExporter(s *Server) (*exporter, error) {
	connection, err := s.Connect(Out, nats.Name("beacons"))
	if err != nil {
		return nil, fmt.Errorf("connect beacons: %w", err)
	}
	e := &exporter{
		server:     s,
		connection: connection,
		quit:       make(chan struct{}),
		done:       make(chan struct{}),
		kick:       make(chan struct{}, 1),
		sent:       map[uint64]sent{},
	}
	go e.run()
	return e, nil
}

// stop ends the loop and waits for it. A nil exporter, of a start that failed,
// has none.
func (e *exporter) stop() {
	if e == nil {
		return
	}
	close(e.quit)
	<-e.done
}

// soon asks for beacons to all now.
func (e *exporter) soon() {
	select {
	case e.kick <- struct{}{}:
	default: // asked already
	}
}

func (e *exporter) run() {
	defer close(e.done)
	tuning := e.server.currentSpec().tuning
	ticker := time.NewTicker(tuning.poll)
	defer ticker.Stop()
	var count int
	var due time.Time
	for {
		select {
		case <-e.quit:
			return
		case <-e.kick:
			e.beat(true)
		case now := <-ticker.C:
			// The count misses a subject that was exchanged for another within
			// one tick; the next beacon that is due tells of it.
			present := e.server.accounts.out.Load().TotalSubs()
			all := !now.Before(due)
			if present == count && !all {
				continue
			}
			count = present
			if all {
				due = now.Add(tuning.beacon)
			}
			e.beat(all)
		}
	}
}

// beat sends a beacon over each link whose interest changed, or over all.
func (e *exporter) beat(all bool) {
	spec := e.server.currentSpec()
	if spec.Listen == "" {
		return
	}
	links := e.server.inbound()
	e.forget(links)
	for _, link := range links {
		if link.importer == "" {
			continue // not registered yet, or does not care
		}
		if !spec.imports(link.importer) {
			// Link took it out while it was connecting.
			_ = e.server.nats.DisconnectClientByID(link.id)
			continue
		}
		if e.note(link, all) {
			e.send(spec, link)
		}
	}
}

// note records what is about to be told, and reports whether it should be.
func (e *exporter) note(link inboundLink, all bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	last, known := e.sent[link.id]
	if known && !all && slices.Equal(last.seen, link.subjects) {
		return false
	}
	e.sent[link.id] = sent{seen: link.subjects, count: last.count + 1}
	return true
}

func (e *exporter) forget(links []inboundLink) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id := range e.sent {
		if !slices.ContainsFunc(links, func(l inboundLink) bool { return l.id == id }) {
			delete(e.sent, id)
		}
	}
}

// count is how many beacons went over the link.
func (e *exporter) count(id uint64) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sent[id].count
}

func (e *exporter) send(spec Spec, link inboundLink) {
	message, err := cbor.Marshal(beacon{
		Exporter:   spec.Name,
		Nonce:      link.nonce,
		MaxPayload: spec.MaxPayload,
		Exports:    spec.Exports,
		Seen:       fit(link.subjects, spec.MaxPayload/2-beaconRoom),
	})
	if err == nil {
		err = e.connection.Publish(BeaconSubject(link.importer), message)
	}
	if err != nil && !e.connection.IsClosed() {
		spec.Logger.Error("tell a peer of its interest", "peer", link.importer, "error", err)
	}
}

// fit cuts the list to what a beacon has room for. Exports take the other half of a
// message, see checkExports. Only a peer with hundreds of interests is cut.
func fit(subjects []string, room int) []string {
	for i, subject := range subjects {
		if room -= wireSize(subject); room < 0 {
			return subjects[:i]
		}
	}
	return subjects
}

// wireSize is the most that CBOR takes for a subject in a list, in bytes.
func wireSize(subject string) int { return len(subject) + 5 }
