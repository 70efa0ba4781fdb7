package traces

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// maxWaiting bounds the records whose spans wait to be sent. Each takes 300 bytes beside its texts,
// which make some 2 KB of one with a long path and an error.
const maxWaiting = 8192

// Exporter exports the spans of a node. Make it with [Export]. Its methods are safe for concurrent
// use.
type Exporter struct {
	node     *mesh.Node
	sender   sender
	log      *slog.Logger
	requests requests
	gather   time.Duration // how long fewer spans than a batch gather before they are sent

	wake    chan struct{} // has an element when spans wait
	ctx     context.Context
	end     context.CancelFunc
	sending context.Context // of the request under way
	cut     context.CancelFunc
	ended   chan struct{} // closed when run has returned
	closer  sync.Once

	mu      sync.Mutex
	waiting []queued     // guarded by mu
	sent    recent       // guarded by mu: ids of records and of spans
	closed  bool         // guarded by mu
	stats   stats.Traces // guarded by mu, but for Waiting and Forgotten
}

// Export exports the spans of a node from now on, until Close. It does not wait for the receiver,
// which may come later. The logger, which may be nil, is told when the receiver cannot be reached
// and when it can be again. A node without a recorder cannot be traced, which is an error.
func Export(c Config, node *mesh.Node, logger *slog.Logger) (*Exporter, error) {
	return start(c, node, logger, gather)
}

func start(c Config, node *mesh.Node, logger *slog.Logger, gather time.Duration) (*Exporter, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("export traces: %w", config.InField("traces", err))
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	e := &Exporter{node: node, log: logger, gather: gather, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	url, _ := c.url() // both are valid
	token, _ := c.Token.Resolve()
	e.sender = sender{url: url, token: token, resource: resourceOf(node), version: node.Stats().Version,
		client: &http.Client{Timeout: sendFor, Transport: http.DefaultTransport.(*http.Transport).Clone(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}} // a page to log in at takes no spans
	e.ctx, e.end = context.WithCancel(context.Background())
	e.sending, e.cut = context.WithCancel(context.Background())
	if err := node.Trace(e); err != nil {
		e.end()
		e.cut()
		return nil, fmt.Errorf("export traces: %w", err)
	}
	go e.run()
	return e, nil
}

// queued is a record whose span waits to be sent.
type queued struct {
	why.Record
	span  trace.SpanID
	began trace.SpanContext // in which the cascade of a root began, if that is known
}

// Keep implements mesh.Tracer: it queues the records that have a span, each once. Spans are made of
// them when they are sent, as the archive waits for this.
func (e *Exporter) Keep(records []why.Record) {
	e.mu.Lock()
	for i := range records {
		if r := &records[i]; hasSpan(r.Outcome) {
			e.queue(r)
		}
	}
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default: // it is awake
	}
}

// queue queues a record, with e.mu held. A record comes again if its cascade is one of those chosen
// by the root and goes wrong later. An event that a handler gets again, such as a dead letter that
// is replayed, has another record with a span of its own.
func (e *Exporter) queue(r *why.Record) {
	of, span := ofRecord(r), spanID(r)
	switch {
	case e.sent.has(of): // it was kept twice
		return
	case e.closed:
		e.stats.Closed++
		return
	case len(e.waiting) == maxWaiting:
		e.stats.QueueFull++
		return
	case e.sent.has(span):
		span = of
	}
	e.sent.add(of)
	e.sent.add(span)
	q := queued{Record: *r, span: span}
	if r.Event == r.Root {
		q.began = e.requests.get(r.Root)
	}
	e.waiting = append(e.waiting, q)
}

// facts asks the node for what has to be known of records.
func (e *Exporter) facts() *facts {
	f := &facts{emitters: map[edge][]string{}, durable: map[string]bool{}}
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

// Close sends what waits, once, and ends what Export began. Call it after the node's Close, which
// keeps the last of its cascades. It is an error if spans are lost: the receiver did not take them
// before ctx ended.
func (e *Exporter) Close(ctx context.Context) error {
	e.closer.Do(func() {
		e.end()
		defer context.AfterFunc(ctx, e.cut)() // a request that is cut may have been taken, and would be sent once more
		defer e.cut()
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
