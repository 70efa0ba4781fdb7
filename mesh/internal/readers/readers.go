package readers

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/release"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
)

// Outbox gives readers what is kept for them. Its methods do not wait.
type Outbox interface {
	// Hello takes what a reader asks for, all durable. The outbox answers it, together with the
	// answers to what else the reader asked for. It returns false if it keeps nothing for the
	// reader; then it does not answer.
	Hello(reader string, hello *wire.Hello, others []wire.WelcomeImport) bool
	// Hear takes another message of so many bytes.
	Hear(reader string, message any, bytes int)
	// Gone says that the link is down by which a reader said hello, with this nonce and count of
	// its links. One by which it has said hello since stays.
	Gone(reader string, nonce wire.ID, link uint64)
}

// Env is what readers need of their node.
type Env struct {
	Node       string
	Exports    []config.Export
	MayImport  func(reader, subject string) bool
	MaxPayload int // of messages, in bytes
	Log        *journal.Log
	Outbox     Outbox       // nil: none
	Malformed  *steps.Point // counts what is not understood
	// Lost counts events of a type that were sent to a reader and did not arrive.
	Lost func(subject string, events uint64)
	// Unheard is what counts the events of a type that no instance of a service heard. Nil: nothing
	// does.
	Unheard func(subject, service string) *steps.Point
	// Neighbours hears what a reader says of cascades.
	Neighbours func(reader string, message any)
	// PathOf finds the path of an event that is kept. Nil: none has one.
	PathOf func(steps [][]byte) *cause.Path
	// Wall is the node's wall clock, in nanoseconds since 1970. Nil: that of the system.
	Wall func() int64
}

// Readers are those of a node. Its methods are safe for concurrent use.
type Readers struct {
	env     Env
	lines   lines                           // to those that may read
	numbers *numbers                        // of paths
	exports atomic.Pointer[[]config.Export] // replaced as a whole

	mu        sync.Mutex
	audiences map[string]*Audience // guarded by mu: by type; none goes, as who sends keeps it
	greeted   map[string]*presence // guarded by mu: by reader, those that said hello
	met       map[string]bool      // guarded by mu: by reader, those that ever did
	peers     map[string]*peer     // guarded by mu: what readers say of themselves
	asked     asked                // guarded by mu
}

// presence is a reader that said hello.
type presence struct {
	nonce   wire.ID
	count   uint64             // of the reader's links, as it says
	told    atomic.Bool        // the outbox was told that it has gone
	room    int                // of a message to it, in bytes
	link    uint64             // the number of the link that it came by; 0: not seen yet
	asks    map[string]bool    // all types that it gets, those out of the outbox too
	types   map[string]*Reader // those that get events
	had     map[string]*Reader // all that ever did in this process, by type
	gone    time.Time          // when its link was found gone; zero: it is there
	flight  *flight            // what is on its way to it
	lexicon *lexicon           // what it knows of the numbers of paths
	served  bool               // by the outbox, which says goodbye to it
}

// New makes the readers of a node, none of which has said hello. Its lines lead to them.
func New(env Env, lines []Line) *Readers {
	r := &Readers{env: env, audiences: map[string]*Audience{}, greeted: map[string]*presence{}, met: map[string]bool{}, peers: map[string]*peer{}, asked: asked{}}
	r.numbers = newNumbers(env.Node, func() {
		env.Log.Warn(fmt.Sprintf("more paths of events than have numbers on links (%d): events on others go over links whole, which takes more bytes", wire.MaxLinkPaths))
	})
	if r.env.Wall == nil {
		r.env.Wall = func() int64 { return time.Now().UnixNano() }
	}
	r.lines.add(lines...)
	r.SetExports(env.Exports)
	return r
}

// Hear takes what a reader says, whose name is certain, and returns what that costs: see
// leaf.Line.Hear. It does not wait. Who may not read any more is not heard.
func (r *Readers) Hear(name string, data []byte) (cost int) {
	if r.lines.to(name) == nil {
		return 0 // it said so before its link was closed
	}
	message, err := wire.DecodeTalk(data)
	if other, ok := errors.AsType[*wire.OtherVersion](err); ok {
		r.hearOther(name, other)
	}
	if err != nil {
		r.env.Malformed.PassUnknown(1, err)
		r.env.Log.Warn("a reader says what is not understood", "peer", name, "error", err)
		return wire.CostOfNonsense
	}
	cost = wire.CostOfTalk(message, len(data))
	switch m := message.(type) {
	case *wire.Hello:
		r.hello(name, m)
		return cost
	case *wire.Taken:
		r.taken(name, m)
		return cost
	case *wire.KnownPaths:
		r.known(name, m)
		return cost
	case *wire.Goodbye:
		if r.goodbye(name, m) {
			return cost
		}
	case *wire.Keep, *wire.Question, *wire.Report, *wire.SignedQuestion:
		r.env.Neighbours(name, m)
		return cost
	default:
		if r.env.Outbox == nil {
			r.env.Malformed.PassUnknown(1, nil)
			r.env.Log.Warn("a reader speaks to an outbox that is not there", "peer", name, "value", fmt.Sprintf("%T", m))
			return wire.CostOfNonsense
		}
	}
	if r.env.Outbox != nil {
		r.env.Outbox.Hear(name, message, len(data))
	}
	return cost
}

// Look finds readers whose link is gone, also when there is another one by now: they get nothing
// before they say hello again. Who has been gone for long is forgotten. Who is there is told the
// numbers of paths.
func (r *Readers) Look(now time.Time) {
	for name, line := range r.lines.all() {
		p := r.presenceOf(name)
		if p == nil {
			continue
		}
		number, up := line.Link()
		if !up || r.isAnother(p, number) {
			r.missed(line, p, now)
			continue
		}
		r.tellPaths(name, p, number, now)
	}
}

// isAnother reports whether a link is another one than that which a reader said hello by.
func (r *Readers) isAnother(p *presence, link uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.link == 0 { // by a hub a hello may come before the reader is seen to listen
		p.link = link
	}
	return p.link != link
}

// presenceOf is a reader's; nil if it has said no hello.
func (r *Readers) presenceOf(name string) *presence {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.greeted[name]
}

// silenceLocked lets a reader get nothing more.
func (r *Readers) silenceLocked(p *presence) {
	types := typesOf(p)
	for _, reader := range p.types {
		reader.end()
	}
	clear(p.types)
	r.publishLocked(types)
}

// hello replaces what a reader takes, and answers.
func (r *Readers) hello(name string, h *wire.Hello) {
	r.meet(name, h)
	answers, durable, ended := r.join(name, h)
	r.lose(leftBy(ended))
	r.logRefused(name, answers)
	h.Imports = durable
	if len(durable) > 0 && r.env.Outbox != nil && r.env.Outbox.Hello(name, h, answers) {
		r.serve(name)
		if r.lines.to(name) == nil { // it was removed meanwhile
			r.env.Outbox.Gone(name, h.Nonce, h.Link)
		}
		return
	}
	var unkept []wire.WelcomeImport
	for _, i := range durable {
		unkept = append(unkept, wire.WelcomeImport{Type: i.Type, Problem: r.problem(name, i)})
	}
	r.logRefused(name, unkept)
	answers = append(answers, unkept...)
	if r.lines.to(name) == nil {
		return
	}
	err := r.say(name, &wire.Welcome{Nonce: h.Nonce, Exporter: r.env.Node, MaxPayload: uint64(r.env.MaxPayload), Imports: answers,
		Release: release.Version(), Time: r.env.Wall()})
	if err != nil {
		r.env.Log.Warn("a reader cannot be welcomed", "peer", name, "error", err)
	}
}

// serve notes that the outbox serves a reader.
func (r *Readers) serve(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.greeted[name]; p != nil {
		p.served = true
	}
}

// Goodbye tells the readers that the node ends. The outbox tells those that it serves. The nil
// Readers have nobody to tell.
func (r *Readers) Goodbye() {
	if r == nil {
		return
	}
	r.mu.Lock()
	goodbyes := map[string]*wire.Goodbye{}
	for name, p := range r.greeted {
		if !p.served && p.gone.IsZero() {
			goodbyes[name] = &wire.Goodbye{Nonce: p.nonce}
		}
	}
	r.mu.Unlock()
	for name, goodbye := range goodbyes {
		if err := r.say(name, goodbye); err != nil {
			r.env.Log.Warn("a reader is not told that the node ends", "peer", name, "error", err)
		}
	}
}

// join notes what a reader takes at most once, and returns the answers to it, and what it asks for
// besides. A reader of the same process goes on with its counts; ended is one of a process before.
func (r *Readers) join(name string, h *wire.Hello) (answers []wire.WelcomeImport, durable []wire.HelloImport, ended *presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := r.lines.to(name)
	if line == nil { // it was removed meanwhile
		return nil, nil, nil
	}
	former := r.greeted[name]
	p := &presence{nonce: h.Nonce, count: h.Link, room: int(min(h.MaxPayload, uint64(r.env.MaxPayload))), asks: map[string]bool{},
		types: map[string]*Reader{}, had: map[string]*Reader{}, flight: &flight{}, lexicon: &lexicon{}}
	p.link, _ = line.Link()
	var had map[string]*Reader
	if former != nil && former.nonce == h.Nonce {
		had, p.flight, p.lexicon = former.had, former.flight, former.lexicon
		p.lexicon.owes.Store(true) // over another link it is told again
		maps.Copy(p.had, had)
	} else {
		ended = former
	}
	for _, i := range h.Imports {
		problem := ""
		switch {
		case !r.env.MayImport(name, i.Type):
			problem = fmt.Sprintf("%s does not let %s import %.100s (it may import %s): name it in may_import of that peer there, or drop the import",
				r.env.Node, name, i.Type, r.exportedTo(name))
		case i.Durable && r.keeps(i.Type):
			durable = append(durable, i)
			p.asks[i.Type] = r.keepsFor(i.Type, name)
			continue
		case i.Durable || !r.sends(i.Type):
			problem = r.problem(name, i)
		default:
			reader := r.reader(name, i, had[i.Type], former, p)
			reader.largest.Store(int64(p.room))
			reader.limit(i.Limits)
			p.asks[i.Type] = true
			p.types[i.Type], p.had[i.Type] = reader, reader
		}
		answers = append(answers, wire.WelcomeImport{Type: i.Type, Problem: problem})
	}
	if former != nil {
		for subject, reader := range former.types {
			if p.types[subject] != reader {
				reader.end()
			}
		}
	}
	r.greeted[name], r.met[name] = p, true
	r.askLocked(name, p)
	r.publishLocked(append(typesOf(former), typesOf(p)...))
	return answers, durable, ended
}

// reader is who gets events of a type from now on; had is who got them before in the same process,
// or nil. One that was taken out stays out: an event that could not be sent to it is not to take
// out the one that has come back.
func (r *Readers) reader(name string, i wire.HelloImport, had *Reader, former, p *presence) *Reader {
	if had != nil && had.each != i.Each {
		had = nil
	}
	if had != nil && former.types[i.Type] == had {
		return had
	}
	reader := &Reader{Name: name, line: r.lines.to(name), service: config.ServiceOf(name), on: leaf.EventsTo(name, r.env.Node, i.Type),
		each: i.Each, hash: hashOf(name), flight: p.flight, lexicon: p.lexicon}
	if had != nil {
		reader.counts, reader.weight.sent = had.counts, had.end()
		reader.taken.Store(reader.sent.Load()) // nothing of it is on its way any more
	} else {
		reader.counts = &counts{run: r.numbers.run()}
	}
	reader.leave = func() { r.remove(reader, i.Type) }
	return reader
}

// remove takes a reader out whose link is gone.
func (r *Readers) remove(reader *Reader, subject string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.greeted[reader.Name]; p != nil && p.types[subject] == reader {
		delete(p.types, subject)
		reader.end()
		r.publishLocked([]string{subject})
	}
}

// goodbye lets a reader get nothing more, and reports whether that is all. One that the outbox
// serves is still there for that, which returns the goodbye.
func (r *Readers) goodbye(name string, m *wire.Goodbye) (done bool) {
	r.mu.Lock()
	p := r.greeted[name]
	if p == nil || p.nonce != m.Nonce {
		r.mu.Unlock()
		return false
	}
	r.silenceLocked(p)
	if said := r.peers[name]; said != nil {
		said.bidden = true
	}
	served := p.served
	r.mu.Unlock()
	if served {
		return false
	}
	if err := r.say(name, m); err != nil {
		r.env.Log.Warn("the goodbye of a reader is not returned", "peer", name, "error", err)
	}
	return true
}

// taken notes how many events a reader has taken.
func (r *Readers) taken(name string, m *wire.Taken) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.greeted[name]
	if p == nil || p.nonce != m.Nonce {
		return
	}
	for _, t := range m.Types {
		if reader := p.had[t.Type]; reader != nil && reader.run == t.Run {
			reader.told.Store(min(t.Count, reader.sent.Load()))
			reader.taken.Store(max(t.Count, reader.taken.Load())) // what was lost with a link it has not heard of yet
			reader.weigh(0)
		}
	}
}

// say says something to a reader. Errors: it is too large for a message, or the line is closed.
func (r *Readers) say(name string, message any) error {
	data, err := wire.EncodeTalk(message)
	if err != nil {
		return err
	}
	if len(data) > r.env.MaxPayload {
		return fmt.Errorf("%w: it has %d bytes, max_payload is %d", wire.ErrTooLarge, len(data), r.env.MaxPayload)
	}
	return r.Send(name, data)
}

// Send sends a reader a message of the talk, which is encoded. Errors: it may not read any more, or
// the line is closed.
func (r *Readers) Send(name string, message []byte) error {
	line := r.lines.to(name)
	if line == nil {
		return fmt.Errorf("%s is no reader of %s any more", name, r.env.Node)
	}
	return line.Publish(leaf.ToReader(name, r.env.Node), message)
}
