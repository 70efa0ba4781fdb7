package neighbours

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/operator"
)

// maxSignedWait bounds how long an operator's question is waited for.
const maxSignedWait = 2 * time.Second

// told is an answer as nodes tell it each other, or that a node is silent.
type told struct {
	operator.Answer
	Silent bool `json:"silent,omitempty"`
}

// AskAll puts an operator's question to all nodes that the links lead to, until ctx ends. It gives
// their answers, one for each, and the names of those that are known and did not answer.
func (n *Neighbours) AskAll(ctx context.Context, q operator.Question) (answers []operator.Answer, silent []string) {
	wait := maxSignedWait
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	all, direct := map[string]operator.Answer{}, map[string]bool{}
	quiet := map[string]bool{}
	n.askPeers(ctx, n.signedBy(newNumber(), "", nil, q), wait, func(h heard) {
		switch t := n.readSigned(h); {
		case t.Node == n.Node:
		case t.Silent:
			quiet[t.Node] = true
		case h.from == t.Node || !direct[t.Node]: // what a node says of itself is believed before what others say of it
			all[t.Node], direct[t.Node] = t.Answer, direct[t.Node] || h.from == t.Node
		}
	})
	for _, name := range slices.Sorted(maps.Keys(quiet)) {
		if _, answered := all[name]; !answered {
			silent = append(silent, name)
		}
	}
	return slices.Collect(maps.Values(all)), silent
}

// signedBy makes the query for an operator's question.
func (n *Neighbours) signedBy(number wire.ID, from string, asked []string, q operator.Question) query {
	return query{number, from, asked, nil, func(asked []string, wait uint64, room int) any {
		m := &wire.SignedQuestion{Number: number, Wait: wait, Subject: q.Subject, Body: q.Body, Operator: q.Header.Get(operator.KeyHeader),
			Nonce: q.Header.Get(operator.NonceHeader), Expires: q.Header.Get(operator.ExpiresHeader), Signature: q.Header.Get(operator.SignatureHeader)}
		const marks = 20 // of texts, and of the wait
		m.Asked = fitting(asked, room-len(m.Subject)-len(m.Body)-len(m.Operator)-len(m.Nonce)-len(m.Expires)-len(m.Signature)-marks)
		return m
	}}
}

// hearSigned answers an operator's question that a peer passes on, unless there is too much of it.
func (n *Neighbours) hearSigned(from string, m *wire.SignedQuestion) {
	n.mu.Lock()
	p := n.peers[from]
	may := p != nil && n.signed < maxSigned && n.ctx.Err() == nil && p.signs.AllowN(time.Unix(0, n.Clock.Now()), 1)
	first := may && n.passed.add(m.Number)
	if first {
		n.signed++
		n.busy.Go(func() { n.answerSigned(from, m) })
	}
	n.mu.Unlock()
	switch {
	case !may:
		text := fmt.Sprintf("node %s is asked too much at present: ask again in some seconds", n.Node)
		n.tellSigned(from, m.Number, told{Answer: operator.Answer{Node: n.Node, Error: text, Code: 429}})
		n.send(from, m.Number, nil, true)
	case !first: // another peer has asked, and gets the answer
		n.send(from, m.Number, nil, true)
	}
}

// answerSigned tells a peer this node's answer, and those of others whom this node asks meanwhile.
func (n *Neighbours) answerSigned(from string, m *wire.SignedQuestion) {
	defer func() {
		n.mu.Lock()
		n.signed--
		n.mu.Unlock()
	}()
	q := operator.Question{Subject: m.Subject, Body: m.Body, Header: nats.Header{operator.KeyHeader: {m.Operator}, operator.NonceHeader: {m.Nonce},
		operator.ExpiresHeader: {m.Expires}, operator.SignatureHeader: {m.Signature}}}
	wait := min(time.Duration(min(m.Wait, uint64(maxSignedWait))), maxSignedWait)
	ctx, cancel := context.WithTimeout(n.ctx, wait*7/8) // what is late is not heard
	defer cancel()
	answer, goesOn := n.Admit(from, q)
	var answering sync.WaitGroup
	if answer != nil {
		answering.Go(func() { n.tellSigned(from, m.Number, told{Answer: answer(ctx)}) })
	}
	if goesOn && wait > minWait {
		n.askPeers(n.ctx, n.signedBy(m.Number, from, m.Asked, q), wait, func(h heard) {
			if t := n.readSigned(h); t.Node != n.Node {
				n.tellSigned(from, m.Number, t)
			}
		})
	}
	answering.Wait()
	n.send(from, m.Number, nil, true)
}

// tellSigned tells a peer one answer.
func (n *Neighbours) tellSigned(peer string, number wire.ID, t told) {
	data, err := json.Marshal(t)
	if err == nil && len(data) > maxReport {
		data, err = json.Marshal(told{Answer: operator.Answer{Node: t.Node, Error: fmt.Sprintf("the answer has %d bytes, and over links at most %d go", len(data), maxReport), Code: 413}})
	}
	if err != nil {
		n.Log.Warn("an answer to an operator is not told", "peer", peer, "error", err)
		return
	}
	n.send(peer, number, data, false)
}

// readSigned decodes an answer that a peer told, or says that it is silent.
func (n *Neighbours) readSigned(h heard) (t told) {
	if h.silent != "" {
		return told{Answer: operator.Answer{Node: h.silent}, Silent: true}
	}
	if err := json.Unmarshal(h.report, &t); err != nil || wire.CheckNode(t.Node) != nil {
		n.Log.Warn("an answer that a peer told cannot be read", "peer", h.from, "error", err)
		return told{Answer: operator.Answer{Node: h.from}, Silent: true}
	}
	t.Error = plain(t.Error)
	return t
}
