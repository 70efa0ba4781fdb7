package traces

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// handled are records of so many events that were handled.
func handled(count int) (records []why.Record) {
	for range count {
		id := cause.NewID(time.Now().UnixNano())
		records = append(records, why.Record{Node: "clue-1", Event: id, Root: id, Type: "clue.answer.given", Outcome: stats.Handled, Place: "handler judge", At: 1, Count: 1})
	}
	return records
}

// Each span that is not exported is counted, by why it is not.
func TestSpansThatAreLostAreCounted(t *testing.T) {
	answer := func(status int) func(http.ResponseWriter, int) bool {
		return func(w http.ResponseWriter, _ int) bool {
			w.WriteHeader(status)
			return false
		}
	}
	for _, test := range []struct {
		name    string
		answer  func(w http.ResponseWriter, taken int) bool
		spans   int
		want    stats.Traces // once the exporter is closed
		problem string
	}{
		{"taken", nil, 1000, stats.Traces{Exported: 1000}, ""},
		{"refused", answer(400), 1000, stats.Traces{Refused: 1000}, "the receiver answers 400 Bad Request"},
		{"refused for good", answer(500), 3, stats.Traces{Refused: 3}, "the receiver answers 500"},
		{"overloaded", answer(503), 700, stats.Traces{Closed: 700}, "the receiver answers 503 Service Unavailable"},
		{"too many", answer(503), maxWaiting + 50, stats.Traces{Closed: maxWaiting, QueueFull: 50}, "503"},
		{"led elsewhere", func(w http.ResponseWriter, _ int) bool {
			w.Header().Set("Location", "/login")
			w.WriteHeader(http.StatusFound)
			return false
		}, 3, stats.Traces{Refused: 3}, "the receiver answers 302 Found"},
		{"a page", func(w http.ResponseWriter, _ int) bool {
			_, err := io.WriteString(w, "<html>Log in</html>")
			return err != nil
		}, 3, stats.Traces{Refused: 3}, "the receiver answers 200 OK: what no receiver of OTLP says: \"<html>"},
		{"in part", func(w http.ResponseWriter, _ int) bool {
			body, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{PartialSuccess: &collectorpb.ExportTracePartialSuccess{RejectedSpans: 2}})
			if err != nil {
				t.Error(err)
			}
			_, err = w.Write(body)
			return err == nil
		}, 10, stats.Traces{Exported: 8, Refused: 2}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := receive(t)
			r.set(test.answer)
			e := export(t, r, open(t, mesh.Config{Name: "clue-1"})...)[0]
			e.Keep(handled(test.spans))
			err := e.Close(within(t))
			if lost := test.want.Closed > 0; (err != nil) != lost || lost && !strings.Contains(err.Error(), fmt.Sprintf("%d spans were not sent: ", test.want.Closed)) {
				t.Errorf("Close: %v", err)
			}
			got := e.Stats()
			problem := got.Problem
			got.Problem = ""
			if got != test.want || !strings.Contains(problem, test.problem) || (problem == "") != (test.problem == "") {
				t.Errorf("%+v, %q, want %+v, %q", got, problem, test.want, test.problem)
			}
		})
	}
}

// A receiver that comes back gets what waited, and a span that is kept twice goes out once.
func TestTheReceiverComesBack(t *testing.T) {
	r := receive(t)
	r.set(func(w http.ResponseWriter, _ int) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	})
	var log strings.Builder
	e := export(t, r, open(t, mesh.Config{Name: "clue-1"})...)[0]
	e.log = lines(&log)
	records := handled(3)
	e.Keep(records)
	await(t, "a problem", func() bool { return e.Stats().Problem != "" })
	r.set(nil)
	e.Keep(records)
	await(t, "the spans", func() bool { return e.Stats().Exported == 3 })
	if s := e.Stats(); s.Problem != "" || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	if err := e.Close(within(t)); err != nil {
		t.Error(err)
	}
	if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "spans not exported") || !strings.Contains(got, "spans are exported again") {
		t.Errorf("the log:\n%s", got)
	}
	e.Keep(handled(2)) // after the end
	if s := e.Stats(); s.Closed != 2 || s.Waiting != 0 {
		t.Errorf("after the end: %+v", s)
	}
}

// The contexts of requests are bounded.
func TestRequestsAreForgotten(t *testing.T) {
	var r requests
	var ids []cause.ID
	for i := range maxRequests + 10 {
		id := cause.ID{byte(i >> 8), byte(i)}
		ids = append(ids, id)
		r.add(id, contextOf(id, handlingSpan(id, "a", "b")))
	}
	first, next := r.get(ids[9]).IsValid(), r.get(ids[10]).IsValid()
	if first || !next || r.lost() != 10 || len(r.of) != maxRequests {
		t.Errorf("first %v, next %v, %d lost, %d known", first, next, r.lost(), len(r.of))
	}
}

func TestConfig(t *testing.T) {
	for _, test := range []struct{ otlp, url, problem string }{
		{"http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces", ""},
		{"https://collector.example/", "https://collector.example/v1/traces", ""},
		{"https://collector.example/otlp", "https://collector.example/otlp", ""},
		{"127.0.0.1:4318", "", "is no URL of http or https"},
		{"grpc://127.0.0.1:4317", "", "is no URL of http or https"},
		{"", "", "is no URL of http or https"},
		{"http://user:SECRET@collector.example/", "", "what the receiver wants as its secret goes into token"},
		{"https://SECRET@collector.example", "", "goes into token"},
		{"https://collector.example/?api-key=SECRET", "", "goes into token"},
		{"http://user:SECRET/@collector.example", "", "is no URL of http or https"},
		{"ftp://user:SECRET@collector.example", "", "is no URL of http or https"},
	} {
		c := Config{OTLP: test.otlp}
		url := ""
		if u, err := c.url(); err == nil {
			url = u.String()
		}
		if err := c.Validate(); url != test.url || (err == nil) != (test.problem == "") || err != nil && (!strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), "SECRET")) {
			t.Errorf("%q: %q, %v", test.otlp, url, err)
		}
	}
	for otlp, may := range map[string]bool{"http://collector.example": false, "http://192.0.2.1": false, "https://collector.example": true,
		"http://localhost:4318": true, "http://127.0.0.1:4318": true, "http://[::1]:4318": true} {
		if err := (Config{OTLP: otlp, Token: mesh.NewSecret("0123456789abcdef")}).Validate(); (err == nil) != may || err != nil && !strings.Contains(err.Error(), "use https") {
			t.Errorf("a token to %s: %v", otlp, err)
		}
	}
	if err := (Config{OTLP: "http://a", Token: mesh.NewSecret("")}).Validate(); err == nil || !strings.Contains(err.Error(), "token: ") {
		t.Errorf("an empty token: %v", err)
	}
}

// What is sent says who sends it, and brings the token.
func TestTheTokenIsSent(t *testing.T) {
	asked := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- r.Header
	}))
	defer server.Close()
	e, err := Export(Config{OTLP: server.URL, Token: mesh.NewSecret("0123456789abcdef")}, open(t, mesh.Config{Name: "clue-1"})[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	e.Keep(handled(1))
	if err := e.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if h := <-asked; h.Get("Authorization") != "Bearer 0123456789abcdef" || h.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("%v", h)
	}
}

// Neither a log nor a count tells more of where spans go than the host.
func TestNoSecretIsTold(t *testing.T) {
	var log strings.Builder
	e, err := Export(Config{OTLP: "http://127.0.0.1:1/SECRET/v1/traces"}, open(t, mesh.Config{Name: "clue-1"})[0], lines(&log))
	if err != nil {
		t.Fatal(err)
	}
	e.Keep(handled(1))
	await(t, "a problem", func() bool { return e.Stats().Problem != "" })
	told := fmt.Sprint(e.Close(within(t)), e.Stats().Problem, log.String())
	if strings.Contains(told, "SECRET") || strings.Count(told, "http://127.0.0.1:1") < 3 {
		t.Error(told)
	}
}

// A dead letter that is replayed, and an event that is emitted again under its id, are calls of
// their own, and each record goes out once.
func TestWhatHappensAgainHasASpanOfItsOwn(t *testing.T) {
	r := receive(t)
	e := export(t, r, open(t, mesh.Config{Name: "clue-1"})...)[0]
	first := handled(1)[0]
	first.Outcome = stats.Failed
	replayed, again := first, first
	replayed.Outcome, replayed.At = stats.Handled, 2
	again.Outcome, again.At, again.Took = stats.Handled, 2, 3
	e.Keep([]why.Record{first, replayed})
	e.Keep([]why.Record{replayed, again, first})
	if err := e.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	ids := map[trace.SpanID]int{}
	for _, s := range r.of("handle clue.answer.given") {
		ids[trace.SpanID(s.SpanId)]++
	}
	if s := e.Stats(); s.Exported != 3 || len(ids) != 3 || ids[handlingSpan(first.Event, "clue-1", "handler judge")] != 1 {
		t.Errorf("%+v, spans %v", s, ids)
	}
}

// A record for which there was no room is no duplicate when it comes again. A full queue is sent as
// quickly as the receiver takes it, and Keep asks the node for nothing.
func TestAFullQueue(t *testing.T) {
	full := &Exporter{wake: make(chan struct{}, 1)} // without a node
	records := handled(maxWaiting + 3)
	full.Keep(records)
	full.waiting = nil
	full.Keep(records)
	if len(full.waiting) != 3 || full.stats.QueueFull != 3 {
		t.Errorf("%d wait, %+v", len(full.waiting), full.stats)
	}
	r := receive(t)
	e, err := start(Config{OTLP: r.URL}, open(t, mesh.Config{Name: "clue-1"})[0], nil, time.Hour) // with a pause it would never end
	if err != nil {
		t.Fatal(err)
	}
	e.Keep(records)
	await(t, "all spans", func() bool { return e.Stats().Exported == maxWaiting })
	if err := e.Close(within(t)); err != nil {
		t.Error(err)
	}
}

// What a client sends with its context is not kept: it may be as long as a header.
func TestTheStateOfAContextIsNotKept(t *testing.T) {
	state, err := trace.ParseTraceState("vendor=" + strings.Repeat("x", 200))
	if err != nil {
		t.Fatal(err)
	}
	var r requests
	id := cause.ID{1}
	r.add(id, contextOf(id, handlingSpan(id, "a", "b")).WithTraceState(state))
	if got := r.get(id); !got.IsValid() || got.TraceState().Len() != 0 {
		t.Errorf("%v", got)
	}
}

func TestWhoseSpansTheyAre(t *testing.T) {
	r := receive(t)
	e := export(t, r, open(t, mesh.Config{Name: "geo-index-1"})...)[0]
	e.Keep(handled(1))
	if s := r.one(t, "handle clue.answer.given"); s.service != "geo-index" || s.instance != "geo-index-1" {
		t.Errorf("of %s, %s", s.service, s.instance)
	}
}

// Close waits for the request under way: cut, it would be sent once more.
func TestCloseSendsNothingTwice(t *testing.T) {
	r := receive(t)
	begun, goOn := make(chan struct{}, 2), make(chan struct{})
	r.set(func(http.ResponseWriter, int) bool {
		begun <- struct{}{}
		<-goOn
		return true
	})
	e := export(t, r, open(t, mesh.Config{Name: "clue-1"})...)[0]
	e.Keep(handled(1))
	<-begun
	closed := make(chan error, 1)
	go func() { closed <- e.Close(within(t)) }()
	<-e.ctx.Done()
	time.Sleep(10 * time.Millisecond) // in which a request that is cut ends
	close(goOn)
	if err := <-closed; err != nil || len(r.of("handle clue.answer.given")) != 1 || e.Stats().Exported != 1 {
		t.Errorf("%v, %d spans came, %+v", err, len(r.of("handle clue.answer.given")), e.Stats())
	}
}
