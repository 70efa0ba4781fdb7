package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/notation"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
)

type tapCommand struct {
	target
	Output  string      `short:"o" enum:"json,diagnostic" default:"json" help:"How to print an event: ${enum}. One a line."`
	Pattern []string    `arg:"" optional:"" default:">" help:"Event types or patterns: clue.answer.judged, clue.>. Without one all."`
	Key     *string     `placeholder:"KEY" help:"Only events with this key."`
	Count   uint        `placeholder:"NUMBER" help:"End after so many events; 0 for no end."`
	For     span        `placeholder:"DURATION" help:"End after this time: 30s."`
	Rate    config.Rate `default:"100/s" placeholder:"RATE" help:"Print so many events at most, ${default}: 2/s, 20/min; unlimited for all. Those left out are counted."`
}

// Help is shown by meshctl tap --help.
func (tapCommand) Help() string {
	return `It prints the events that the nodes emit and import, while it runs. An event that several of the nodes
see is printed for each. A node encodes an event only while somebody looks.

  meshctl tap 'clue.>' --for 10s
  meshctl tap score.points.awarded --key otters --count 1 --for 1m -o diagnostic
  meshctl tap -f configs/clue.yaml clue.answer.judged | jq .value

The exit code is 1 if a node was lost, or --count was not reached.`
}

// seen is a message that came from a tap.
type seen struct {
	node    string
	message *nats.Msg
}

// lookout is how many messages wait to be printed at most. Others are lost, and counted.
const lookout = 4096

// Run prints events until there is an end.
func (c tapCommand) Run(ctx context.Context, out output) error {
	for _, pattern := range c.Pattern {
		if err := checkPattern(pattern); err != nil {
			return err
		}
	}
	at, err := c.find()
	if err != nil {
		return err
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(c.For))
		defer cancel()
	}
	events, gone, lost := make(chan seen, lookout), make(chan string, len(at.taps)), &atomic.Uint64{}
	var failed error
	var conns []*nats.Conn
	for _, t := range at.taps {
		conn, err := c.listen(ctx, t, events, gone, lost)
		switch {
		case errors.Is(err, nodes.ErrInterrupted), errors.Is(ctx.Err(), context.Canceled):
			if err == nil {
				conn.Close()
			}
			return errInterrupted
		case err != nil:
			out.complain(t.Title(), err)
			failed = errReported
			continue
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	if failed == nil {
		c.warnOfNone(ctx, conns, out)
	}
	open := len(conns)
	p := newPrinter(c, out)
	for open > 0 && !p.enough() {
		select {
		case s := <-events:
			if err := p.print(s); err != nil {
				return err
			}
		case node := <-gone:
			out.complain(node, errors.New("the connection was lost"))
			failed = errReported
			open--
		case <-ctx.Done():
			open = 0
		}
	}
	p.end(lost.Load())
	if c.Count > 0 && !p.enough() {
		failed = errReported
	}
	return failed
}

// warnOfNone says so if no node knows a type that is meant: one mistyped is as silent as one of
// which nothing comes. It says nothing while a node does not answer.
func (c tapCommand) warnOfNone(ctx context.Context, conns []*nats.Conn, out output) {
	for _, pattern := range c.Pattern {
		tokens := strings.Split(pattern, ".")
		types := strings.Join(tokens[:min(3, len(tokens))], ".") // a fourth is of the key
		known := types == ">"
		for _, conn := range conns {
			var g graph.Graph
			data, err := nodes.Ask(ctx, conn, "graph", nil)
			if err := (nodes.Answer{Data: data, Err: err}).Decode(&g); err != nil {
				return
			}
			known = known || slices.ContainsFunc(g.Types, func(t graph.Type) bool { return config.Match(types, t.Type) })
		}
		if !known {
			fmt.Fprintf(out.problems, "meshctl: no node that was asked knows an event type that matches %s: meshctl graph shows all\n", show.Printable(pattern))
		}
	}
}

// listen begins to put what a tap shows into events.
func (c tapCommand) listen(ctx context.Context, t nodes.Tap, events chan<- seen, gone chan<- string, lost *atomic.Uint64) (*nats.Conn, error) {
	conn, err := t.Connect(ctx, nats.ClosedHandler(func(*nats.Conn) { gone <- t.Title() }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // it would print what is counted here
	if err != nil {
		return nil, err
	}
	node := conn.ConnectedServerName()
	for _, pattern := range c.Pattern {
		if _, err = conn.Subscribe(c.subject(pattern), func(m *nats.Msg) {
			select {
			case events <- seen{node, m}:
			default:
				lost.Add(1)
			}
		}); err != nil {
			break
		}
	}
	if err == nil {
		within, cancel := context.WithTimeout(ctx, nodes.AnswerWait)
		defer cancel()
		err = conn.FlushWithContext(within)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen to %s: %w", strings.Join(c.Pattern, ", "), err)
	}
	return conn, nil
}

// subject is the NATS subject of a pattern: at a tap the key is one more token.
func (c tapCommand) subject(pattern string) string {
	tokens := strings.Split(pattern, ".")
	open := tokens[len(tokens)-1] == ">"
	switch {
	case open && c.Key != nil:
		tokens = tokens[:len(tokens)-1]
		for len(tokens) < 3 {
			tokens = append(tokens, "*")
		}
		tokens = append(tokens[:3], notation.KeyToken(*c.Key))
	case !open && len(tokens) == 3:
		key := "*"
		if c.Key != nil {
			key = notation.KeyToken(*c.Key)
		}
		tokens = append(tokens, key)
	}
	return strings.Join(tokens, ".")
}

// shownEvent is an event for programs.
type shownEvent struct {
	// Node is where it was seen, From the node that emitted it.
	Node   string          `json:"node"`
	From   string          `json:"from"`
	Type   string          `json:"type"`
	Key    string          `json:"key"`
	Event  cause.ID        `json:"event"`
	Root   cause.ID        `json:"root"`
	Parent cause.ID        `json:"parent,omitzero"`
	At     time.Time       `json:"at"`
	Path   []string        `json:"path"`
	Value  json.RawMessage `json:"value"`
}

// printer prints events, not too many a second.
type printer struct {
	tapCommand
	out     output
	bucket  *rate.Limiter
	printed uint
	left    uint64    // out, since it was said
	said    time.Time // when
}

func newPrinter(c tapCommand, out output) *printer {
	limit := rate.Limit(c.Rate)
	if c.Rate == 0 {
		limit = rate.Inf
	}
	return &printer{tapCommand: c, out: out, bucket: rate.NewLimiter(limit, max(1, int(c.Rate))), said: time.Now()}
}

func (p *printer) enough() bool { return p.Count > 0 && p.printed >= p.Count }

// print prints the events of a message. What is no message of events is told, and the others go on.
func (p *printer) print(s seen) error {
	if slices.ContainsFunc([]string{"_INBOX.", "$", "mesh.ops.", "mesh.emit."}, func(prefix string) bool { return strings.HasPrefix(s.message.Subject, prefix) }) {
		return nil // what others ask at the tap
	}
	events, err := notation.Events(s.message.Data)
	if err != nil {
		p.out.complain(s.node, fmt.Errorf("%s: %w", s.message.Subject, err))
	}
	for _, e := range events {
		if p.enough() {
			return nil
		}
		if !p.bucket.Allow() {
			p.left++
			p.tell(time.Second)
			continue
		}
		line, err := p.line(s.node, e)
		if err != nil {
			p.out.complain(s.node, fmt.Errorf("%s: %w", s.message.Subject, err))
			continue
		}
		if _, err := fmt.Fprintln(p.out.results, line); err != nil {
			return err
		}
		p.printed++
	}
	return nil
}

func (p *printer) line(node string, e notation.Event) (string, error) {
	if p.Output == "diagnostic" {
		text, err := notation.Diagnostic(e.Payload)
		return fmt.Sprintf("%s %s %q %s %s", node, show.Printable(e.Type()), e.Key, e.ID, text), err
	}
	value, err := notation.JSON(e.Payload)
	if err != nil {
		return "", err
	}
	line, err := json.Marshal(shownEvent{node, e.Node(), e.Type(), e.Key, e.ID, e.Root, e.Parent, e.At, e.Path, value})
	if err != nil {
		return "", fmt.Errorf("print as JSON: %w", err)
	}
	return string(line), nil
}

// tell says how many events were left out, not more often than each so often.
func (p *printer) tell(every time.Duration) {
	if p.left == 0 || time.Since(p.said) < every {
		return
	}
	fmt.Fprintf(p.out.problems, "meshctl: %d events left out: more than %s came (--rate)\n", p.left, p.Rate)
	p.left, p.said = 0, time.Now()
}

// end says what is left to say.
func (p *printer) end(lost uint64) {
	p.tell(0)
	if lost > 0 {
		fmt.Fprintf(p.out.problems, "meshctl: %d events lost: they came faster than they could be printed\n", lost)
	}
}
