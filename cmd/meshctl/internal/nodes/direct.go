package nodes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Direct is the nodes of taps, each of which is asked at its own. A node of which two taps are
// given counts once.
func Direct(taps []Tap) Mesh { return newDirect(taps, unsigned) }

type direct struct {
	taps []*line
	sign signer
}

// line is a tap with its connection.
type line struct {
	problem error // of the tap
	mu      sync.Mutex
	tap     Tap        // guarded by mu: its name is learned
	conn    *nats.Conn // guarded by mu: nil until it is needed
}

func newDirect(taps []Tap, sign signer) *direct {
	d := &direct{sign: sign}
	for _, t := range taps {
		d.taps = append(d.taps, &line{problem: t.Problem, tap: t})
	}
	return d
}

// open connects, and learns the name of the node. After an error there is a title.
func (l *line) open() (conn *nats.Conn, name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.conn.IsClosed() {
		if l.conn, err = l.tap.Connect(); err != nil {
			l.conn = nil
			return nil, l.tap.Title(), err
		}
	}
	l.tap.Name = cmp.Or(l.conn.ConnectedServerName(), l.tap.Name) // the embedded server has its node's name
	return l.conn, l.tap.Title(), nil
}

func (l *line) ask(ctx context.Context, question string, data []byte, sign signer) (a Answer) {
	var conn *nats.Conn
	if conn, a.Node, a.Err = l.open(); a.Err != nil {
		return a
	}
	m := &nats.Msg{Subject: prefix + question, Data: data}
	if a.Err = sign(m); a.Err != nil {
		return a
	}
	a.Asked = time.Now()
	a.Data, a.Err = request(ctx, conn, m)
	a.Got = time.Now()
	return a
}

// Ask asks all at once.
func (d *direct) Ask(ctx context.Context, question string, data []byte) []Answer {
	answers := make([]Answer, len(d.taps))
	var wait sync.WaitGroup
	for i, l := range d.distinct() {
		wait.Go(func() { answers[i] = l.ask(ctx, question, data, d.sign) })
	}
	wait.Wait()
	answers = slices.DeleteFunc(answers, func(a Answer) bool { return a.Node == "" })
	slices.SortStableFunc(answers, func(a, b Answer) int { return cmp.Compare(a.Node, b.Node) })
	return answers
}

// distinct gives the taps without those of a node that has come: asked twice to change something,
// it would say the second time that there is nothing to change.
func (d *direct) distinct() []*line {
	names := make([]string, len(d.taps))
	var wait sync.WaitGroup
	for i, l := range d.taps {
		wait.Go(func() { _, names[i], _ = l.open() }) // the error comes again where it is asked
	}
	wait.Wait()
	seen := map[string]bool{}
	var lines []*line
	for i, l := range d.taps {
		if !seen[names[i]] {
			lines = append(lines, l)
		}
		seen[names[i]] = true
	}
	return lines
}

// AskOne asks the node at its tap.
func (d *direct) AskOne(ctx context.Context, node, question string, data []byte) Answer {
	for _, l := range d.distinct() {
		if _, name, err := l.open(); name == node {
			if err != nil {
				return Answer{Node: node, Err: err}
			}
			return l.ask(ctx, question, data, d.sign)
		}
	}
	err := ErrNoTap
	for _, a := range d.unusable() { // one of them may be the node's
		err = fmt.Errorf("%w; %s could not be used: %w", err, a.Node, a.Err)
	}
	return Answer{Node: node, Err: err}
}

// unusable are the answers of the taps that nobody can ask.
func (d *direct) unusable() (answers []Answer) {
	for _, l := range d.taps {
		if l.problem != nil {
			_, name, err := l.open()
			answers = append(answers, Answer{Node: name, Err: err})
		}
	}
	return answers
}

// Close ends the connections.
func (d *direct) Close() {
	for _, l := range d.taps {
		l.mu.Lock()
		if l.conn != nil {
			l.conn.Close()
		}
		l.mu.Unlock()
	}
}
