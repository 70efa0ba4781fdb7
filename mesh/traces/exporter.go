package traces

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

const (
	// maxWaiting bounds the spans that wait to be sent, of some 600 bytes each.
	maxWaiting = 8192
	// maxSent is how many spans are remembered as sent: a record comes again if its cascade is one of
	// those chosen by the root and goes wrong later.
	maxSent = 8192
)

// Exporter exports the spans of a node. Make it with [Export]. Its methods are safe for concurrent use.
type Exporter struct {
	node     *mesh.Node
	sender   sender
	log      *slog.Logger
	requests requests

	wake   chan struct{} // has an element when spans wait
	ctx    context.Context
	end    context.CancelFunc
	ended  chan struct{} // closed when run has returned
	closer sync.Once

	mu      sync.Mutex
	waiting []*tracepb.Span // guarded by mu
	sent    recent          // guarded by mu
	closed  bool            // guarded by mu
	stats   stats.Traces    // guarded by mu, but for Waiting and Forgotten
}

// Export exports the spans of a node from now on, until Close. It does not wait for the receiver, which
// may come later. The logger, which may be nil, is told when the receiver cannot be reached and when it
// can be again. A node without a recorder cannot be traced, which is an error.
func Export(c Config, node *mesh.Node, logger *slog.Logger) (*Exporter, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("export traces: %w", config.InField("traces", err))
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	e := &Exporter{node: node, log: logger, wake: make(chan struct{}, 1), ended: make(chan struct{}), sent: newRecent(maxSent)}
	url, _ := c.url() // both are valid
	token, _ := c.Token.Resolve()
	e.sender = sender{url: url, token: token, resource: resourceOf(node), version: node.Stats().Version,
		client: &http.Client{Timeout: sendFor, Transport: http.DefaultTransport.(*http.Transport).Clone(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}} // a page to log in at takes no spans
	e.ctx, e.end = context.WithCancel(context.Background())
	if err := node.Trace(e); err != nil {
		e.end()
		return nil, fmt.Errorf("export traces: %w", err)
	}
	go e.run()
	return e, nil
}

// Keep implements mesh.Tracer: it makes spans and queues them.
func (e *Exporter) Keep(records []why.Record) {
	f := e.facts()
	spans := make([]*tracepb.Span, 0, len(records))
	for i := range records {
		if s := f.spanOf(&records[i]); s != nil {
			spans = append(spans, s)
		}
	}
	e.mu.Lock()
	for _, s := range spans {
		switch {
		case !e.sent.add(trace.SpanID(s.SpanId)): // it was kept twice
		case e.closed:
			e.stats.Closed++
		case len(e.waiting) == maxWaiting:
			e.stats.QueueFull++
		default:
			e.waiting = append(e.waiting, s)
		}
	}
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default: // it is awake
	}
}

// facts asks the node for what has to be known of records.
func (e *Exporter) facts() *facts {
	f := &facts{emitters: map[edge][]string{}, durable: map[string]bool{}, began: e.requests.get}
	for _, of := range e.node.Graph().Edges {
		at := edge{of.From, of.To}
		f.emitters[at] = append(f.emitters[at], of.Handler)
	}
	for _, i := range e.node.Stats().DurableImports {
		f.durable[i.Type] = true
	}
	return f
}

// Stats tells what became of the spans. It may be called at any time, also after Close.
func (e *Exporter) Stats() stats.Traces {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Waiting, s.Forgotten = len(e.waiting), e.requests.lost()
	return s
}

// Close sends what waits, once, and ends what Export began. Call it after the node's Close, which keeps
// the last of its cascades. It is an error if spans are lost: the receiver did not take them before ctx
// ended.
func (e *Exporter) Close(ctx context.Context) error {
	e.closer.Do(func() {
		e.end()
		<-e.ended
		for e.sendNext(ctx) == nil && e.Stats().Waiting > 0 {
		}
		e.sender.client.CloseIdleConnections()
		e.mu.Lock()
		e.closed = true
		e.stats.Closed += uint64(len(e.waiting))
		e.waiting = nil
		e.mu.Unlock()
	})
	if s := e.Stats(); s.Closed > 0 {
		return fmt.Errorf("close traces of node %s: %d spans were not sent: %s", e.node.Name(), s.Closed, s.Problem)
	}
	return nil
}

// recent remembers the spans that came last.
type recent struct {
	known  map[trace.SpanID]bool
	order  []trace.SpanID // a ring, once it is full
	oldest int
	limit  int
}

func newRecent(limit int) recent { return recent{known: map[trace.SpanID]bool{}, limit: limit} }

// add reports whether the span is new.
func (r *recent) add(id trace.SpanID) bool {
	if r.known[id] {
		return false
	}
	r.known[id] = true
	if len(r.order) < r.limit {
		r.order = append(r.order, id)
		return true
	}
	delete(r.known, r.order[r.oldest])
	r.order[r.oldest] = id
	r.oldest = (r.oldest + 1) % r.limit
	return true
}

// serviceOf is the service of a node: "clue" of clue-1.
func serviceOf(node string) string {
	service, _, _ := strings.Cut(node, "-")
	return service
}
