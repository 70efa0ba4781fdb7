package outbox

import (
	"context"
	"log/slog"
	"math"
	"time"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/handout"
	"leafmesh/mesh/internal/wire"
)

const (
	// maxCreditBytes bounds what a reader has under way of a type, whatever it says that it takes.
	maxCreditBytes = 32 << 20
	// maxHandlerName bounds the names of handlers, in bytes.
	maxHandlerName = 256
	// leastPayload is the smallest limit of messages that a reader can have.
	leastPayload = 1024
)

// Hello lets a reader, whose name is certain, take what it asks for. The answer has others, too:
// what the node answers to the rest of the hello. It returns false for somebody who may read
// nothing; then there is no answer. It does not wait.
func (o *Outbox) Hello(reader string, said *wire.Hello, others []wire.WelcomeImport) bool {
	r := o.library.reader(reader)
	if r == nil {
		return false
	}
	r.put(greeted{said, others}, 0)
	return true
}

// Hear takes another message of a reader, which had so many bytes. One from somebody who may read
// nothing is counted and dropped. It does not wait.
func (o *Outbox) Hear(reader string, message any, bytes int) {
	l := o.library
	r := l.reader(reader)
	if r == nil {
		l.stray.Add(1)
		l.log.Warn("somebody for whom nothing is kept speaks to the outbox", "peer", reader)
		return
	}
	r.put(message, bytes)
}

// Gone says that the link is down by which a reader said hello, with this nonce and count of its
// links: what it has under way goes to others, and it gets nothing until it says hello again. If it
// has done so by another link, nothing changes.
func (o *Outbox) Gone(reader string, nonce wire.ID, link uint64) {
	if r := o.library.reader(reader); r != nil {
		r.put(unlinked{nonce, link}, 0)
	}
}

// Goodbye gives out nothing any more, and tells all readers so. What they have under way they
// still answer: call it before Close.
func (o *Outbox) Goodbye() {
	l := o.library
	l.do(l.ctx, func() {
		l.ending = true
		for _, r := range l.here {
			for _, p := range r.forget() {
				p.shelf.Withdraw(r.name, p.gift.Sequence, l.now())
			}
			r.tell(&wire.Goodbye{Nonce: r.nonce})
		}
	})
}

// lookForAnswers is the pause between two looks of AwaitAnswers.
const lookForAnswers = 2 * time.Millisecond

// AwaitAnswers waits until the readers have answered for all that they have under way, or ctx ends:
// what they answer later nobody hears, and they get it again.
func (o *Outbox) AwaitAnswers(ctx context.Context) {
	for ctx.Err() == nil {
		underWay := 0
		if !o.library.do(ctx, func() {
			for _, s := range o.library.shelves {
				for _, n := range s.Counts().UnderWay {
					underWay += n
				}
			}
		}) || underWay == 0 {
			return
		}
		clock.Sleep(ctx, lookForAnswers)
	}
}

// hear does what follows from something that a reader said, or that was found out about it.
func (l *library) hear(r *reader, said any, now int64) {
	switch said := said.(type) {
	case greeted:
		l.hello(r, said.hello, said.others, now)
	case *wire.Answers:
		l.answers(r, said, now)
	case *wire.Goodbye:
		l.goodbye(r, said, now)
	case unlinked:
		if r.nonce == said.nonce && r.link == said.link {
			l.leave(r, now)
		}
	case departed:
		l.leave(r, now)
	case missing:
		said.shelf.Missing(said.sequence)
		l.changed = true
	case oversize:
		l.oversize(r, said, now)
	default: // an exporter's
		l.malformed.Add(1)
		l.log.Warn("a reader of the outbox speaks as an exporter", "peer", r.name)
	}
}

// leave takes back all that a reader has under way.
func (l *library) leave(r *reader, now int64) {
	r.forget()
	for _, s := range r.shelves {
		s.toldBy(r.name).settle(now)
		s.Leave(r.name, now)
	}
	r.shelves, r.present = nil, false
	delete(l.here, r.name)
}

// goodbye gives the reader nothing more; what it has under way stays its own. It is returned, so
// that the reader knows what was heard.
func (l *library) goodbye(r *reader, said *wire.Goodbye, now int64) {
	if !r.present || r.nonce != said.Nonce {
		return
	}
	for _, s := range r.shelves {
		s.Join(r.name, handout.Terms{}, now)
	}
	r.tell(said)
}

// answersAgain is for how long a reader gives answers again that a link before may have lost:
// events that it has no more are no reason to worry then.
const answersAgain = int64(30 * time.Second)

// answers settles events, or takes them back. What the reader does not have under way is not
// believed.
func (l *library) answers(r *reader, said *wire.Answers, now int64) {
	if !r.present || r.nonce != said.Nonce {
		l.stray.Add(1)
		return
	}
	for _, p := range r.got(said.Got, now) {
		p.shelf.Progress(r.name, p.gift.Sequence, now)
	}
	for _, a := range said.Answers {
		if l.answer(r, a, now) {
			l.changed = true
			continue
		}
		l.unbelieved.Add(1)
		level := slog.LevelWarn
		if now-r.linked < answersAgain {
			level = slog.LevelDebug
		}
		l.log.Log(l.ctx, level, "a reader answers for an event that it does not have", "peer", r.name, "type", a.Type, "sequence", a.Sequence)
	}
}

func (l *library) answer(r *reader, a wire.Answer, now int64) bool {
	s := r.shelf(a.Type)
	believed := s != nil && a.Verdict <= wire.Later && s.Answer(r.name, handout.Reply{
		Sequence: a.Sequence,
		Verdict:  handout.Verdict(a.Verdict), // they have the same numbers
		After:    time.Duration(min(a.After, math.MaxInt64)),
		Done:     a.Done,
	}, now)
	if believed && a.Verdict == wire.Handled {
		s.toldBy(r.name).handled(a.Sequence, now)
	}
	return believed
}

func handlersFit(names []string) bool {
	if len(names) > wire.MaxTalkHandlers {
		return false
	}
	for _, name := range names {
		if len(name) > maxHandlerName {
			return false
		}
	}
	return true
}

func (l *library) oversize(r *reader, said oversize, now int64) {
	if !said.shelf.Oversize(r.name, said.sequence, now) {
		return
	}
	l.changed = true
	l.outbox.config.Lost(said.shelf.kind.Subject, said.shelf.service, LostOversize, 1)
	l.log.Error("an event is lost for a service: it is larger than its readers take: raise max_payload there",
		"type", said.shelf.kind.Subject, "service", said.shelf.service, "peer", r.name,
		"sequence", said.sequence, "bytes", said.bytes)
}
