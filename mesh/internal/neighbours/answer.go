package neighbours

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// hearQuestion answers a question of a peer, unless it asks too much.
func (n *Neighbours) hearQuestion(from string, q *wire.Question) {
	n.mu.Lock()
	p := n.peers[from]
	now := time.Unix(0, n.Clock.Now())
	may := p != nil && n.answered < maxAnswered && n.ctx.Err() == nil && p.asked.AllowN(now, 1)
	if may {
		n.answered++
		n.busy.Go(func() { n.answer(from, q) })
	}
	n.mu.Unlock()
	if !may {
		n.tell(from, q.Number, &why.Report{Node: n.Node, Problem: "it is asked too much at present: ask again in some seconds"}, true)
	}
}

// answer tells a peer what this node knows, and then what others know whom this node asks, once for
// a question. It asks nobody for a peer to whom it has just withheld all that it knows: by the
// peers that took part in the cascade the question comes again.
func (n *Neighbours) answer(from string, q *wire.Question) {
	defer func() {
		n.mu.Lock()
		n.answered--
		n.mu.Unlock()
	}()
	wait := min(time.Duration(min(q.Wait, uint64(maxWait))), maxWait)
	ids := make([]cause.ID, len(q.IDs))
	for i, id := range q.IDs {
		ids[i] = cause.ID(id)
	}
	begun := time.Now()
	own, err := n.Recall(n.ctx, from, ids...)
	if err != nil {
		own.Problem = err.Error()
	}
	known, allowed := own.Records, map[cause.ID]bool{}
	own = n.permit(from, own, allowed)
	n.tell(from, q.Number, &own, false)
	wait -= time.Since(begun)
	if may := len(own.Records) > 0 || own.Withheld == 0; may && wait > minWait && n.isFirst(q.Number) {
		n.askPeers(n.ctx, n.about(q.Number, from, q.Asked, ids, known), wait, func(h heard) {
			if r, ok := n.read(h); ok && r.Node != n.Node { // what this one withheld from others is not its answer
				r = n.permit(from, r, allowed)
				n.tell(from, q.Number, &r, false)
			}
		})
	}
	n.tell(from, q.Number, nil, true)
}

// isFirst reports whether this node is to pass on a question, which it does once.
func (n *Neighbours) isFirst(number wire.ID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.passed.add(number)
}

// permit leaves out of a report what a peer took no part in. allowed are the cascades of which that
// was shown before; more may be.
func (n *Neighbours) permit(peer string, r why.Report, allowed map[cause.ID]bool) why.Report {
	for i := range r.Records {
		if n.tookPart(peer, &r.Records[i]) {
			allowed[r.Records[i].Root] = true
		}
	}
	all := len(r.Records)
	r.Records = slices.DeleteFunc(slices.Clone(r.Records), func(one why.Record) bool { return !allowed[one.Root] })
	r.Withheld += all - len(r.Records)
	r.Running = slices.DeleteFunc(slices.Clone(r.Running), func(one stats.Running) bool { return !allowed[one.Root] })
	handlers := map[string][]string{}
	for i := range r.Records {
		if of := r.Records[i].Type; len(r.Handlers[of]) > 0 {
			handlers[of] = r.Handlers[of]
		}
	}
	r.Handlers = handlers
	return r
}

// tell tells a peer a report, in as many messages as it takes, or nothing more; end: that was all.
// A report that is too long loses its last records, which it says.
func (n *Neighbours) tell(peer string, number wire.ID, r *why.Report, end bool) {
	var data []byte
	for r != nil {
		var err error
		if data, err = json.Marshal(r); err != nil {
			n.Log.Warn("a report is not told", "peer", peer, "error", err)
			data = nil
		}
		if len(data) <= maxReport {
			break
		}
		if len(r.Records) == 0 {
			r.Handlers, r.Running = nil, r.Running[:len(r.Running)/2]
			continue
		}
		keep := len(r.Records) / 2
		r.Records, r.More = r.Records[:keep], r.More+len(r.Records)-keep
	}
	n.send(peer, number, data, end)
}

// send tells a peer a report that is encoded, in as many messages as it takes, or nothing more.
func (n *Neighbours) send(peer string, number wire.ID, data []byte, end bool) {
	_, room := n.to(peer)
	room -= headRoom
	for more := true; more && room > 0; {
		part := data[:min(len(data), room)]
		data = data[len(part):]
		more = len(data) > 0
		m := &wire.Report{Number: number, Part: append([]byte{}, part...), More: more, End: end && !more}
		if err := n.say(peer, m); err != nil {
			n.Log.Warn("a report is not told", "peer", peer, "error", err)
			return
		}
	}
}

// maxText bounds a text of a peer's report, in bytes: a path has the longest names.
const maxText = 1024

// tidy leaves out of a report that came over a link what no node writes, so that it can be shown;
// false if nothing is left.
func tidy(r why.Report) (why.Report, bool) {
	if wire.CheckNode(r.Node) != nil {
		return r, false
	}
	r.Records = slices.DeleteFunc(r.Records, func(one why.Record) bool {
		return one.Node != r.Node || wire.CheckSubject(one.Type) != nil || slices.ContainsFunc(one.Path, func(step string) bool { return wire.CheckStep(step) != nil })
	})
	for i := range r.Records {
		one := &r.Records[i]
		for _, text := range []*string{&one.Key, &one.Place, &one.Rule, &one.Error, (*string)(&one.Outcome)} {
			*text = plain(*text)
		}
	}
	r.Running = slices.DeleteFunc(r.Running, func(one stats.Running) bool { return wire.CheckSubject(one.Type) != nil })
	for i := range r.Running {
		r.Running[i].Handler, r.Running[i].Key = plain(r.Running[i].Handler), plain(r.Running[i].Key)
	}
	for subject, names := range r.Handlers {
		for i := range names {
			names[i] = plain(names[i])
		}
		if wire.CheckSubject(subject) != nil {
			delete(r.Handlers, subject)
		}
	}
	r.Problem, r.Damaged = plain(r.Problem), plain(r.Damaged)
	r.More, r.Withheld = max(0, r.More), max(0, r.Withheld)
	return r, true
}

// plain is a text that moves no cursor and is no longer than those of nodes are.
func plain(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "?")
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, text)
}
