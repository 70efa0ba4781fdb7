package neighbours

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/operator"
	"leafmesh/mesh/why"
)

// Way leads to some of the peers. Its methods are safe for concurrent use.
type Way interface {
	// Room is how large a message to a peer may be, in bytes; 0 if it is not there at present.
	Room(peer string) int
	// Expects reports whether a peer should be there.
	Expects(peer string) bool
	// Send sends a peer that has room a message of the talk, which is encoded.
	Send(peer string, message []byte) error
}

// Spec says what neighbours are to be.
type Spec struct {
	Node  string
	Peers []string // those at the start: see Neighbours.SetPeers
	Clock *clock.Clock
	Log   *journal.Log
	// Recall gives what this node knows, as somebody asks for it: a peer, or "" for whoever asks
	// this node.
	Recall func(ctx context.Context, who string, ids ...cause.ID) (why.Report, error)
	// Takes reports whether a peer may take events of a type from this node, and does at present.
	Takes func(peer, subject string) bool
	// Keep keeps the part of this node of cascades, as a peer wants it.
	Keep func(peer string, roots []cause.ID)
	// Admit takes an operator's question that a peer passes on. answer answers it for this node, or
	// says why not; it goes on to others if known, that is if this node knows who signed it.
	Admit func(peer string, q operator.Question) (answer func(context.Context) operator.Answer, goesOn bool)
}

// Neighbours are the nodes at the other ends of a node's links. Make them with [New].
type Neighbours struct {
	Spec
	ctx    context.Context
	end    context.CancelFunc
	busy   sync.WaitGroup // Run, and a goroutine for each question
	wake   chan struct{}  // has an element when somebody is to be told something
	untold atomic.Uint64

	mu       sync.Mutex
	ways     []Way               // guarded by mu
	peers    map[string]*peer    // guarded by mu
	pending  map[wire.ID]*asking // guarded by mu: questions that are not answered yet
	passed   recent[wire.ID]     // guarded by mu: questions that need not be passed on again
	answered int                 // guarded by mu: questions of peers that are being answered
	signed   int                 // guarded by mu: those of operators
}

// peer is what is known of one.
type peer struct {
	told  recent[cause.ID] // it keeps these, or was told
	owed  []cause.ID       // is to be told
	asked *rate.Limiter    // how often it may ask
	signs *rate.Limiter    // how often it may pass on what operators ask
}

const (
	// maxTold is how many roots are remembered of which a peer was told: more than are kept at a
	// time, so that two nodes do not tell each other of one root in turn.
	maxTold = 2048
	// maxOwed bounds the roots that a peer is still to be told, as its link is down.
	maxOwed = 256
	// maxPassed is how many questions are remembered.
	maxPassed = 1024
	// maxAnswered is how many questions of peers are answered at a time.
	maxAnswered = 8
	// askedRate is how many questions a second a peer may ask, and askedBurst how many at once. One
	// cascade takes two or three.
	askedRate, askedBurst = rate.Limit(5), 20
	// signedRate and signedBurst bound the questions of operators that a peer passes on: those of a
	// few who ask as often as they may.
	signedRate, signedBurst = rate.Limit(100), 400
	// maxSigned is how many of them are answered at a time.
	maxSigned = 16
)

// New makes the neighbours of a node. They can be heard at once, and are spoken to once ways lead
// to them: see [Neighbours.Add].
func New(s Spec) *Neighbours {
	n := &Neighbours{Spec: s, wake: make(chan struct{}, 1), peers: map[string]*peer{}, pending: map[wire.ID]*asking{}, passed: newRecent[wire.ID](maxPassed)}
	n.ctx, n.end = context.WithCancel(context.Background())
	n.SetPeers(s.Peers)
	n.busy.Go(n.run)
	return n
}

// SetPeers says by their names which nodes this one may be linked to. What is known of those that
// were peers before stays.
func (n *Neighbours) SetPeers(names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range names {
		if n.peers[name] == nil {
			n.peers[name] = &peer{told: newRecent[cause.ID](maxTold), asked: rate.NewLimiter(askedRate, askedBurst), signs: rate.NewLimiter(signedRate, signedBurst)}
		}
	}
	maps.DeleteFunc(n.peers, func(name string, _ *peer) bool { return !slices.Contains(names, name) })
}

// names are those of the peers.
func (n *Neighbours) names() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.peers))
}

// Add adds a way.
func (n *Neighbours) Add(w Way) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ways = append(n.ways, w)
}

// Hear takes what a peer says of cascades, whose name is certain. The peer
// may have its word on what to keep, and ask for what it took part in: cascades with an event that
// it emitted, or with one of a type that it takes from this node. What an operator asks is answered
// whoever passes it on.
func (n *Neighbours) Hear(from string, message any) {
	switch m := message.(type) {
	case *wire.Keep:
		n.hearKeep(from, m)
	case *wire.Question:
		n.hearQuestion(from, m)
	case *wire.Report:
		n.hearReport(from, m)
	case *wire.SignedQuestion:
		n.hearSigned(from, m)
	}
}

// Untold counts the cascades that a peer was not told of, as too many waited for its link.
func (n *Neighbours) Untold() uint64 { return n.untold.Load() }

// Close ends all that is under way, once nothing more is kept. What peers are to be told is said
// once more. The nil Neighbours have nothing to end.
func (n *Neighbours) Close() {
	if n == nil {
		return
	}
	n.mu.Lock()
	n.end() // while nobody begins to answer
	n.mu.Unlock()
	n.busy.Wait()
}

// to finds the way to a peer, with room for a message of so many bytes; nil if it is not there.
func (n *Neighbours) to(peer string) (w Way, room int) {
	n.mu.Lock()
	ways := n.ways
	n.mu.Unlock()
	for _, way := range ways {
		if r := way.Room(peer); r > room {
			w, room = way, r
		}
	}
	return w, room
}

// expects reports whether a peer should be there.
func (n *Neighbours) expects(peer string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.ways, func(w Way) bool { return w.Expects(peer) })
}

// say says something to a peer. An error says that it is not there, that the message is too long
// for it, or what the way does.
func (n *Neighbours) say(peer string, message any) error {
	w, room := n.to(peer)
	if w == nil {
		return fmt.Errorf("its link to %s is down", n.Node)
	}
	data, err := wire.EncodeTalk(message)
	if err != nil {
		return err
	}
	if len(data) > room {
		return fmt.Errorf("a message of %s for it has %d bytes, and it takes at most %d", n.Node, len(data), room)
	}
	return w.Send(peer, data)
}

// recent remembers the newest of what was added.
type recent[T comparable] struct {
	known map[T]bool
	order []T // a ring, once it is full
	next  int
	most  int
}

func newRecent[T comparable](most int) recent[T] { return recent[T]{known: map[T]bool{}, most: most} }

// add adds one, and reports whether it was not there.
func (r *recent[T]) add(one T) bool {
	if r.known[one] {
		return false
	}
	r.known[one] = true
	if len(r.order) < r.most {
		r.order = append(r.order, one)
		return true
	}
	delete(r.known, r.order[r.next])
	r.order[r.next] = one
	r.next = (r.next + 1) % r.most
	return true
}
