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
	// maxReports is how many reports are taken for one question, and maxBytes how much they may have.
	// maxReport bounds one of them, as it is encoded.
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

// Ask asks all nodes that the links lead to, this one too, and all again for what the answers lead to,
// until ctx ends. Who did not answer has a report that says why. The first report is this node's; the error
// says that it had no time for it.
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
		n.askPeers(ctx, query{number: newNumber(), ids: ids, known: own.Records}, wait, func(from string, r why.Report) {
			if from == r.Node {
				direct[from] = r
			} else {
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
	from   string // the peer that asks; "": this node does
	ids    []cause.ID
	asked  []string     // nodes that somebody asks already
	known  []why.Record // what this node knows of it
}

// isFor reports whether a peer is to be asked: one that took part in a cascade also if somebody else
// asks it, to whom it may not answer.
func (n *Neighbours) isFor(q *query, peer string) bool {
	return peer != q.from && (!slices.Contains(q.asked, peer) || slices.ContainsFunc(q.known, func(r why.Record) bool { return n.tookPart(peer, &r) }))
}

// askPeers asks the peers, and calls tell for each report, with the peer that it came from, until all
// have answered or no more is waited for.
func (n *Neighbours) askPeers(ctx context.Context, q query, wait time.Duration, tell func(from string, r why.Report)) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	a := &asking{open: map[string][]byte{}, came: make(chan arrival, maxReports+len(n.Peers)), room: maxBytes}
	for _, name := range n.Peers {
		if !n.isFor(&q, name) {
			continue
		}
		if w, _ := n.to(name); w != nil {
			a.open[name] = nil
		} else if n.expects(name) {
			tell("", why.Report{Node: name, Problem: fmt.Sprintf("its link to %s is down", n.Node)})
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
		if err := n.ask(name, q.number, q.ids, asked, wait); err != nil {
			n.close(a, name, err.Error())
		}
	}
	for left := len(direct); left > 0; {
		select {
		case c := <-a.came:
			if c.end {
				left--
			}
			if r, ok := n.read(c); ok {
				tell(c.peer, r)
			}
		case <-ctx.Done():
			n.mu.Lock()
			silent := slices.Sorted(maps.Keys(a.open))
			n.mu.Unlock()
			for _, name := range silent {
				tell(name, why.Report{Node: name, Problem: fmt.Sprintf("it did not answer %s within %v", n.Node, wait.Round(time.Millisecond))})
			}
			return
		}
	}
}

// ask asks one peer. Its wait is less than ours, so that what it has is still heard.
func (n *Neighbours) ask(peer string, number wire.ID, ids []cause.ID, asked []string, wait time.Duration) error {
	_, room := n.to(peer)
	room -= 2 * headRoom
	q := &wire.Question{Number: number, Wait: uint64(wait * 7 / 8), IDs: wireIDs(ids[:min(len(ids), wire.MaxTalkRoots, max(1, room/rootRoom))])}
	room -= len(q.IDs) * rootRoom
	for _, name := range asked { // those that have no room are asked twice
		if room -= len(name) + 2; room < 0 || len(q.Asked) == wire.MaxTalkAsked {
			break
		}
		q.Asked = append(q.Asked, name)
	}
	return n.say(peer, q)
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

// read decodes a report that a peer told.
func (n *Neighbours) read(c arrival) (r why.Report, ok bool) {
	if c.problem != "" {
		return why.Report{Node: c.peer, Problem: c.problem}, true
	}
	if len(c.data) == 0 {
		return r, false
	}
	if err := json.Unmarshal(c.data, &r); err != nil {
		n.Log.Rarely("a report of a peer can not be read", "peer", c.peer, "error", err)
		return why.Report{Node: c.peer, Problem: "its answer can not be read"}, true
	}
	return tidy(r)
}

func newNumber() (n wire.ID) {
	_, _ = rand.Read(n[:]) // it never fails
	return n
}
