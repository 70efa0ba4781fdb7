package traces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	collectorpb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
)

const (
	// maxBatch is how many spans go in one request.
	maxBatch = 512
	// gather is how long fewer spans than a batch gather before they are sent.
	gather = 200 * time.Millisecond
	// sendFor is how long a request may take.
	sendFor = 10 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 64 << 10
)

// again is how long to wait before what could not be sent is sent again.
var again = clock.Backoff{First: 500 * time.Millisecond, Max: 30 * time.Second}

// run sends what waits, until the end.
func (e *Exporter) run() {
	defer close(e.ended)
	failures := 0
	for {
		waiting := e.Stats().Waiting
		if waiting == 0 {
			select {
			case <-e.wake:
			case <-e.ctx.Done():
				return
			}
			waiting = e.Stats().Waiting
		}
		if waiting < maxBatch {
			clock.Sleep(e.ctx, e.gather)
		}
		if e.ctx.Err() != nil {
			return
		}
		if e.sendNext(e.sending) == nil {
			failures = 0
			continue
		}
		failures++
		clock.Sleep(e.ctx, again.Delay(failures))
	}
}

// sendNext sends the spans that have waited longest. An error says that they wait on.
func (e *Exporter) sendNext(ctx context.Context) error {
	e.mu.Lock()
	batch := slices.Clone(e.waiting[:min(len(e.waiting), maxBatch)])
	e.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	f, spans := e.facts(), make([]*tracepb.Span, len(batch))
	for i := range batch {
		spans[i] = f.spanOf(&batch[i])
	}
	rejected, err := e.sender.send(ctx, spans)
	if err != nil && ctx == e.sending && ctx.Err() != nil {
		return err // Close has no more time
	}
	unwanted, refused := errors.AsType[*refusedError](err)
	e.mu.Lock()
	before := e.stats.Problem
	e.stats.Problem = ""
	switch {
	case refused:
		e.stats.Refused += uint64(len(batch))
		e.stats.Problem = unwanted.Error()
	case err != nil:
		e.stats.Problem = err.Error()
	default:
		e.stats.Refused += rejected
		e.stats.Exported += uint64(len(batch)) - rejected
	}
	if err == nil || refused {
		e.waiting = slices.Delete(e.waiting, 0, len(batch))
	}
	problem := e.stats.Problem
	e.mu.Unlock()
	switch {
	case problem != "" && before == "":
		e.log.Warn("spans not exported", "node", e.node.Name(), "url", e.sender.where(), "error", problem)
	case problem == "" && before != "":
		e.log.Info("spans are exported again", "node", e.node.Name(), "url", e.sender.where())
	}
	if refused {
		return nil
	}
	return err
}

// refusedError is the word of a receiver that does not want spans, whenever they come.
type refusedError struct{ status, says string }

// Error says what the receiver answered.
func (e *refusedError) Error() string {
	return fmt.Sprintf("the receiver answers %s: %s", e.status, e.says)
}

// sender sends spans.
type sender struct {
	url            *url.URL
	token, version string
	resource       *resourcepb.Resource
	client         *http.Client
}

// where is the receiver as a log may show it: a path may have a secret in it.
func (s *sender) where() string { return s.url.Scheme + "://" + s.url.Host }

// resourceOf says whose spans they are.
func resourceOf(node *mesh.Node) *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
		text("service.name", config.ServiceOf(node.Name())), text("service.instance.id", node.Name()),
	}}
}

// send sends spans, and returns how many of them the receiver did not want. The error is a
// *refusedError if it wants none of them.
func (s *sender) send(ctx context.Context, spans []*tracepb.Span) (rejected uint64, err error) {
	body, err := proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   s.resource,
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: "leafmesh", Version: s.version}, Spans: spans}},
	}}})
	if err != nil {
		return 0, &refusedError{"nothing", err.Error()} // nor will it be possible later
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("User-Agent", "leafmesh/"+s.version)
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.client.Do(request)
	if err != nil {
		if of, ok := errors.AsType[*url.Error](err); ok {
			err = of.Err // without the URL
		}
		return 0, fmt.Errorf("ask %s: %w", s.where(), err)
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is no use
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case retryable(response.StatusCode):
		return 0, fmt.Errorf("the receiver answers %s", response.Status)
	case response.StatusCode/100 != 2:
		return 0, &refusedError{response.Status, fmt.Sprintf("%.200q", answer)}
	case err != nil:
		return 0, err
	}
	var taken collectorpb.ExportTraceServiceResponse
	if err := proto.Unmarshal(answer, &taken); err != nil {
		return 0, &refusedError{response.Status, fmt.Sprintf("what no receiver of OTLP says: %.200q", answer)}
	}
	rejected = uint64(max(0, taken.GetPartialSuccess().GetRejectedSpans()))
	return min(rejected, uint64(len(spans))), nil
}

// retryable reports whether OTLP has a request sent again after an answer of this status.
func retryable(status int) bool {
	return slices.Contains([]int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, status)
}
