package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"leafmesh/mesh/operator"
)

const (
	// allWait is how long all nodes are asked: their answers come within 2 s.
	allWait = 1900 * time.Millisecond
	// pagesFor is how long an answer of all nodes has later pages, and maxPages how many such
	// answers are kept.
	pagesFor = 30 * time.Second
	maxPages = 8
)

// askAll answers a question to all nodes, or to one of them, that came at the tap.
func (a *Answerer) askAll(ctx context.Context, q operator.Question) ([]byte, *failure) {
	to, name, who, _, refused := a.admitAll("", q)
	if refused != nil {
		return nil, refused
	}
	known := questionNamed(name)
	if known == nil {
		return nil, unknown(name)
	}
	skip, text := 0, q.Header.Get(operator.SkipHeader)
	if text != "" {
		var err error
		if skip, err = strconv.Atoi(text); err != nil || skip < 0 {
			return nil, &failure{400, fmt.Sprintf("%s is how many nodes' answers to leave out, not %.80q", operator.SkipHeader, text)}
		}
	}
	of := pageOf{who.Key, q.Subject, string(q.Body)}
	all, found := a.pages.of(of, time.Now())
	switch {
	case skip > 0 && !found && known.changes(q.Body):
		return nil, &failure{410, fmt.Sprintf("the answers to %s are kept for %v, and what changes something is not done twice for their sake", name, pagesFor)}
	case skip == 0 || !found:
		all = a.collect(ctx, to, request{ctx, name, q.Body, who, true, to == "", a.pageRoom()}, q)
	}
	data, more, err := page(all, skip, a.MaxPayload)
	if err != nil {
		return nil, failureOf(err)
	}
	if more > 0 {
		a.pages.keep(of, all, time.Now())
	}
	return data, nil
}

// Ask puts a signed question to all nodes, or to one, for somebody in this process. This node's own
// answer has no bound; the others' lists come in parts, as over all links.
func (a *Answerer) Ask(ctx context.Context, q operator.Question) (operator.Answers, error) {
	to, name, who, _, refused := a.admitAll("", q)
	switch {
	case refused != nil:
		return operator.Answers{}, refused
	case questionNamed(name) == nil:
		return operator.Answers{}, unknown(name)
	}
	return a.collect(ctx, to, request{ctx, name, q.Body, who, true, to == "", anyRoom}, q), nil
}

// collect asks the node of a name, or this one and all others.
func (a *Answerer) collect(ctx context.Context, to string, r request, q operator.Question) (all operator.Answers) {
	ctx, cancel := context.WithTimeout(ctx, allWait)
	defer cancel()
	r.ctx = ctx
	if to == a.Name {
		return operator.Answers{Answers: []operator.Answer{a.told(a.answer(r))}}
	}
	if to != "" {
		return a.collectFrom(ctx, to, q)
	}
	var own operator.Answer
	var answering sync.WaitGroup
	answering.Go(func() { own = a.told(a.answer(r)) })
	all.Answers, all.Silent = a.Node.AskAll(ctx, q)
	answering.Wait()
	all.Answers = append(all.Answers, own)
	slices.SortFunc(all.Answers, func(x, y operator.Answer) int { return strings.Compare(x.Node, y.Node) })
	return all
}

// collectFrom has the question go round, as a link may not lead to the node, and takes its answer
// alone.
func (a *Answerer) collectFrom(ctx context.Context, to string, q operator.Question) operator.Answers {
	heard, _ := a.Node.AskAll(ctx, q)
	for _, one := range heard {
		if one.Node == to {
			return operator.Answers{Answers: []operator.Answer{one}}
		}
	}
	return operator.Answers{Silent: []string{to}}
}

// page encodes as many answers as a message has room for. One that is alone too long is told as
// such.
func page(all operator.Answers, skip, room int) (data []byte, more int, err error) {
	rest := all.Answers[min(skip, len(all.Answers)):]
	for shown := len(rest); ; shown /= 2 {
		part := operator.Answers{Answers: append([]operator.Answer{}, rest[:shown]...), Silent: append([]string{}, all.Silent...), More: len(rest) - shown}
		data, err = json.Marshal(part)
		switch {
		case err != nil || len(data) <= room || shown == 0:
			return data, part.More, err
		case shown == 1:
			text := fmt.Sprintf("the answer has %d bytes, and a message at most %d: raise max_payload, or ask the node itself", len(data), room)
			part.Answers[0] = operator.Answer{Node: rest[0].Node, Error: text, Code: 413}
			data, err = json.Marshal(part)
			return data, part.More, err
		}
	}
}

// pageOf names an answer with later pages.
type pageOf struct{ key, subject, body string }

// pages are answers of all nodes of which a message had room for a part. The zero value is empty.
type pages struct {
	mu   sync.Mutex
	list []kept // guarded by mu: the oldest first
}

type kept struct {
	pageOf
	all operator.Answers
	at  time.Time
}

func (p *pages) of(of pageOf, now time.Time) (operator.Answers, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = slices.DeleteFunc(p.list, func(k kept) bool { return now.Sub(k.at) > pagesFor })
	for _, k := range p.list {
		if k.pageOf == of {
			return k.all, true
		}
	}
	return operator.Answers{}, false
}

func (p *pages) keep(of pageOf, all operator.Answers, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = slices.DeleteFunc(p.list, func(k kept) bool { return k.pageOf == of })
	if len(p.list) == maxPages {
		p.list = slices.Delete(p.list, 0, 1)
	}
	p.list = append(p.list, kept{of, all, now})
}
