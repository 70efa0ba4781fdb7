package nodes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	problem error  // of the tap
	named   string // the node's name as far as it was known at first
	mu      sync.Mutex
	tap     Tap        // guarded by mu: its name is learned
	conn    *nats.Conn // guarded by mu: nil until it is needed
	failed  error      // guarded by mu: why there is none
	again   time.Time  // guarded by mu: until then failed holds
}

// holds is how many times as long as it took that a failure to connect holds: for the rest of a
// command if the node hangs, and hardly if nobody listens. One that watches tries again then.
const holds = 6

func newDirect(taps []Tap, sign signer) *direct {
	d := &direct{sign: sign}
	for _, t := range taps {
		d.taps = append(d.taps, &line{problem: t.Problem, named: t.Name, tap: t})
	}
	return d
}

// open connects, and learns the name of the node. After an error there is a title.
func (l *line) open(ctx context.Context) (conn *nats.Conn, name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.conn.IsClosed() {
		began := time.Now()
		if began.Before(l.again) {
			return nil, l.tap.Title(), l.failed
		}
		if l.conn, err = l.tap.Connect(ctx); err != nil {
			l.conn = nil
			if ctx.Err() == nil { // else it says nothing of the node
				now := time.Now()
				l.failed, l.again = err, now.Add(holds*now.Sub(began))
			}
			return nil, l.tap.Title(), err
		}
	}
	l.tap.Name = cmp.Or(l.conn.ConnectedServerName(), l.tap.Name) // the embedded server has its node's name
	return l.conn, l.tap.Title(), nil
}

func (l *line) ask(ctx context.Context, question string, data []byte, sign signer) (a Answer) {
	var conn *nats.Conn
	if conn, a.Node, a.Err = l.open(ctx); a.Err != nil {
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
	for i, l := range d.distinct(ctx) {
		wait.Go(func() { answers[i] = l.ask(ctx, question, data, d.sign) })
	}
	wait.Wait()
	answers = slices.DeleteFunc(answers, func(a Answer) bool { return a.Node == "" })
	slices.SortStableFunc(answers, func(a, b Answer) int { return cmp.Compare(a.Node, b.Node) })
	return answers
}

// distinct gives the taps without those of a node that has come: asked twice to change something,
// it would say the second time that there is nothing to change.
func (d *direct) distinct(ctx context.Context) []*line {
	names := make([]string, len(d.taps))
	var wait sync.WaitGroup
	for i, l := range d.taps {
		wait.Go(func() { _, names[i], _ = l.open(ctx) }) // the error comes again where it is asked
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

// AskOne asks the node at its tap: the one that has its name, or else the one that learns it.
func (d *direct) AskOne(ctx context.Context, node, question string, data []byte) Answer {
	for _, l := range d.taps {
		if l.named != node {
			continue
		}
		if _, name, err := l.open(ctx); err != nil {
			return Answer{Node: node, Err: err}
		} else if name == node {
			return l.ask(ctx, question, data, d.sign)
		}
	}
	missing := &noTap{}
	for _, l := range d.distinct(ctx) {
		_, name, err := l.open(ctx)
		switch {
		case errors.Is(err, ErrInterrupted):
			return Answer{Node: node, Err: err}
		case err != nil: // it may be the node's
			missing.failed = append(missing.failed, fmt.Errorf("%s: %w", name, err))
		case name == node:
			return l.ask(ctx, question, data, d.sign)
		}
	}
	return Answer{Node: node, Err: missing}
}

// noTap is ErrNoTap with the taps that could not be asked.
type noTap struct{ failed []error }

// Error names the taps of which one may be the node's, if there are any.
func (n *noTap) Error() string {
	if len(n.failed) == 0 {
		return ErrNoTap.Error()
	}
	var why []string
	for _, err := range n.failed {
		why = append(why, err.Error())
	}
	return "its own tap is to be asked, and is none of those that answered; " + strings.Join(why, "; ")
}

// Unwrap is ErrNoTap.
func (n *noTap) Unwrap() error { return ErrNoTap }

// unusable are the answers of the taps that nobody can ask.
func (d *direct) unusable(ctx context.Context) (answers []Answer) {
	for _, l := range d.taps {
		if l.problem != nil {
			_, name, err := l.open(ctx)
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
