package neighbours

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/why"
)

const (
	// maxWait bounds how long answers to one question are waited for.
	maxWait = time.Second
	// minWait is too little to ask anybody.
	minWait = 50 * time.Millisecond
	// maxReports is how many reports are taken for one question, and maxBytes how much they may
	// have. maxReport bounds one of them, as it is encoded.
	maxReports = 256
	maxBytes   = 4 << 20
	maxReport  = 512 << 10
)

// asking is a question that peers were asked.
type asking struct {
	open map[string][]byte // by peer that has not said all: what it said of a report
	came chan arrival      // has room for all that may come
	room int               // bytes that may still come
	got  int               // reports
}

// arrival is a report in JSON, or that a peer has said all.
type arrival struct {
	peer    string
	data    []byte
	end     bool
	problem string // why a report is left out
}

// Ask asks all nodes that the links lead to, this one too, and all again for what the answers lead
// to, until ctx ends. Who did not answer has a report that says why. The first report is this
// node's; the error says that it had no time for it.
func (n *Neighbours) Ask(ctx context.Context, ids ...cause.ID) (reports []why.Report, err error) {
	reports = why.Follow(ids[:min(len(ids), wire.MaxTalkRoots)], func(ids []cause.ID) []why.Report {
		wait := maxWait
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, time.Until(deadline)/2)
		}
		if len(reports) > 0 && (wait < minWait || ctx.Err() != nil) {
			return reports // what is asked anew now would be less
		}
		var own why.Report
		own, err = n.Recall(ctx, "", ids...)
		direct, relayed := map[string]why.Report{}, []why.Report{}
		n.askPeers(ctx, n.about(newNumber(), "", nil, ids, own.Records), wait, func(h heard) {
			switch r, ok := n.read(h); {
			case !ok:
			case h.from == r.Node:
				direct[h.from] = r
			default:
				relayed = append(relayed, r)
			}
		})
		reports = join(own, direct, relayed)
		return reports
	})
	return reports, err
}

// join makes one report for each node. What others tell of one that answered itself is taken only
// for what it withheld: it may not know that this node took part in the cascade, and those between
// them do.
func join(own why.Report, direct map[string]why.Report, relayed []why.Report) []why.Report {
	all := []why.Report{own}
	for _, name := range slices.Sorted(maps.Keys(direct)) {
		all = append(all, direct[name])
	}
	slices.SortStableFunc(relayed, func(a, b why.Report) int { return strings.Compare(a.Node, b.Node) })
	for _, r := range relayed {
		if known, ok := direct[r.Node]; r.Node != own.Node && (!ok || known.Problem != "" || known.Withheld > 0) {
			all = append(all, r)
		}
	}
	return why.Merge(all...)
}

// query is what peers are asked.
type query struct {
	number wire.ID
	from   string                 // the peer that asks; "": this node does
	asked  []string               // nodes that somebody asks already
	also   func(peer string) bool // who is to be asked also then; nil: nobody
	// message makes the message, with less than so many bytes if it can.
	message func(asked []string, wait uint64, room int) any
}

// isFor reports whether a peer is to be asked.
func (q *query) isFor(peer string) bool {
	return peer != q.from && (!slices.Contains(q.asked, peer) || q.also != nil && q.also(peer))
}

// about makes the query for cascades of which this node knows something. A peer that took part in
// one is asked also if somebody else asks it, to whom it may not answer.
func (n *Neighbours) about(number wire.ID, from string, asked []string, ids []cause.ID, known []why.Record) query {
	also := func(peer string) bool {
		return slices.ContainsFunc(known, func(r why.Record) bool { return n.tookPart(peer, &r) })
	}
	return query{number, from, asked, also, func(asked []string, wait uint64, room int) any {
		q := &wire.Question{Number: number, Wait: wait, IDs: wireIDs(ids[:min(len(ids), wire.MaxTalkRoots, max(1, room/rootRoom))])}
		q.Asked = fitting(asked, room-len(q.IDs)*rootRoom)
		return q
	}}
}

// fitting are as many names as there is room for: those that have none are asked twice.
func fitting(names []string, room int) []string {
	for i, name := range names {
		if room -= len(name) + 2; room < 0 || i == wire.MaxTalkAsked {
			return names[:i]
		}
	}
	return names
}

// heard is what came of asking: a report, in JSON, or why there is none of a peer.
type heard struct {
	from    string // the peer that told it; "" for this node
	report  []byte
	silent  string // the peer that has none
	problem string // why
}

// heard is what an arrival tells, if it tells anything.
func (c arrival) heard() (h heard, ok bool) {
	if c.problem != "" {
		return heard{from: c.peer, silent: c.peer, problem: c.problem}, true
	}
	return heard{from: c.peer, report: c.data}, len(c.data) > 0
}

// askPeers asks the peers, and calls tell for what came, until all have answered or no more is
// waited for.
func (n *Neighbours) askPeers(ctx context.Context, q query, wait time.Duration, tell func(heard)) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	peers := n.names()
	a := &asking{open: map[string][]byte{}, came: make(chan arrival, maxReports+len(peers)), room: maxBytes}
	for _, name := range peers {
		if !q.isFor(name) {
			continue
		}
		if w, _ := n.to(name); w != nil {
			a.open[name] = nil
		} else if n.expects(name) {
			tell(heard{silent: name, problem: fmt.Sprintf("its link to %s is down", n.Node)})
		}
	}
	direct := slices.Collect(maps.Keys(a.open))
	n.mu.Lock()
	n.pending[q.number] = a
	n.passed.add(q.number) // it may come back
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.pending, q.number)
		n.mu.Unlock()
	}()
	asked := append(slices.Clone(q.asked), append(direct, n.Node)...)
	for _, name := range direct {
		_, room := n.to(name)
		if err := n.say(name, q.message(asked, uint64(wait*7/8), room-2*headRoom)); err != nil { // it waits less, so that what it has is still heard
			n.close(a, name, err.Error())
		}
	}
	for left := len(direct); left > 0; {
		select {
		case c := <-a.came:
			if c.end {
				left--
			}
			if h, ok := c.heard(); ok {
				tell(h)
			}
		case <-ctx.Done():
			n.mu.Lock()
			silent := slices.Sorted(maps.Keys(a.open))
			n.mu.Unlock()
			for _, name := range silent {
				tell(heard{from: name, silent: name, problem: fmt.Sprintf("it did not answer %s within %v", n.Node, wait.Round(time.Millisecond))})
			}
			return
		}
	}
}

// close notes that a peer will say no more.
func (n *Neighbours) close(a *asking, peer, problem string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, open := a.open[peer]; open {
		delete(a.open, peer)
		a.came <- arrival{peer: peer, end: true, problem: problem}
	}
}

// hearReport takes a part of an answer. What was not asked for is left out.
func (n *Neighbours) hearReport(from string, m *wire.Report) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.pending[m.Number]
	if a == nil {
		return // it comes too late
	}
	data, open := a.open[from]
	if !open {
		return
	}
	problem := ""
	a.room -= len(m.Part)
	if len(data)+len(m.Part) > maxReport || a.room < 0 || a.got == maxReports {
		problem = fmt.Sprintf("it answers more than %s takes", n.Node)
		m.End = true
	}
	data = append(data, m.Part...)
	if !m.More && len(data) > 0 && problem == "" {
		a.got++
		a.came <- arrival{peer: from, data: data}
		data = nil
	}
	a.open[from] = data
	if m.End {
		delete(a.open, from)
		a.came <- arrival{peer: from, end: true, problem: problem}
	}
}

// read decodes a report that a peer told, or makes one that says why there is none.
func (n *Neighbours) read(h heard) (r why.Report, ok bool) {
	if h.silent != "" {
		return why.Report{Node: h.silent, Problem: h.problem}, true
	}
	if err := json.Unmarshal(h.report, &r); err != nil {
		n.Log.Warn("a report of a peer cannot be read", "peer", h.from, "error", err)
		return why.Report{Node: h.from, Problem: "its answer cannot be read"}, true
	}
	return tidy(r)
}

func newNumber() (n wire.ID) {
	_, _ = rand.Read(n[:]) // it never fails
	return n
}
