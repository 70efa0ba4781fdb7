package config

import (
	"iter"
	"strings"
)

// Patterns finds which of many patterns may match a subject, or another pattern, without a look at
// each. The zero value is ready to use.
type Patterns struct {
	first node
	count int
}

// node is what is known of the patterns that begin with some tokens.
type node struct {
	next map[string]*node // by their next token, which may be "*"
	ends []int            // the numbers of those that have no more tokens
	open []int            // the numbers of those that have only ">" more
}

// Add adds a pattern. The first one has the number 0, each other the next one.
func (p *Patterns) Add(pattern string) {
	at := &p.first
	for token := range strings.SplitSeq(pattern, ".") {
		if token == ">" {
			at.open = append(at.open, p.count)
			p.count++
			return
		}
		if at.next[token] == nil {
			if at.next == nil {
				at.next = map[string]*node{}
			}
			at.next[token] = &node{}
		}
		at = at.next[token]
	}
	at.ends = append(at.ends, p.count)
	p.count++
}

// Overlapping gives the numbers of the patterns that overlap a pattern: see [Overlap]. They are in
// no order.
func (p *Patterns) Overlapping(pattern string) iter.Seq[int] {
	return func(yield func(int) bool) { p.first.each(pattern, yield) }
}

// each yields the patterns that go on from the node with what overlaps rest. It returns false when
// nobody wants more.
func (n *node) each(rest string, yield func(int) bool) bool {
	token, rest, more := strings.Cut(rest, ".")
	if !yieldAll(n.open, yield) {
		return false
	}
	visit := func(next *node) bool {
		switch {
		case next == nil:
			return true
		case token == ">":
			return yieldAll(next.ends, yield) && next.each(token, yield)
		case more:
			return next.each(rest, yield)
		}
		return yieldAll(next.ends, yield)
	}
	if token != "*" && token != ">" {
		return visit(n.next[token]) && visit(n.next["*"])
	}
	for _, next := range n.next {
		if !visit(next) {
			return false
		}
	}
	return true
}

func yieldAll(numbers []int, yield func(int) bool) bool {
	for _, n := range numbers {
		if !yield(n) {
			return false
		}
	}
	return true
}
