package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
)

// sick is a mesh of which one node has no answer to some questions.
type sick struct {
	Source
	stats, rules atomic.Int64 // how often it was asked for them
}

var errSick = errors.New("it is sick")

func (s *sick) Stats(ctx context.Context) []Answer[stats.Stats] {
	s.stats.Add(1)
	return []Answer[stats.Stats]{{Node: "sick-1", Err: errSick}, {Node: "well-1", Err: ctx.Err()}}
}

func (s *sick) Rules(ctx context.Context) []Answer[[]config.Rule] {
	s.rules.Add(1)
	return []Answer[[]config.Rule]{{Node: "sick-1", Err: ctx.Err()}}
}

func (s *sick) Places(context.Context) []Answer[[]stats.Place] {
	return []Answer[[]stats.Place]{{Node: "sick-1", Err: errSick}}
}

func (s *sick) Letters(context.Context) []Answer[[]stats.Letter] { return nil }

// Graph hangs as long as it may.
func (s *sick) Graph(ctx context.Context) []Answer[graph.Graph] {
	<-ctx.Done()
	return []Answer[graph.Graph]{{Node: "sick-1", Err: ctx.Err()}}
}

// However many pages ask, the nodes are asked once, and the answer does not depend on a page that
// goes. A node without counters is named on every page, once.
func TestPagesShareAnswers(t *testing.T) {
	source := &sick{}
	c := New(Options{Source: source})
	defer c.Close()
	begun := time.Now()
	gone, leave := context.WithCancel(context.Background())
	leave()
	for i, path := range []string{"/api/limits", "/api/letters", "/api/limits"} {
		request, err := http.NewRequestWithContext(gone, http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := answered{header: http.Header{}}
		c.ServeHTTP(&w, request)
		if want := `"problems":[{"node":"sick-1","error":"it is sick"}]`; !strings.Contains(w.body.String(), want) {
			t.Errorf("%d, %s: %s", i, path, w.body.String())
		}
	}
	if time.Since(begun) < holdStats && (source.stats.Load() != 1 || source.rules.Load() != 1) {
		t.Errorf("asked %d times for counters, and %d times for rules", source.stats.Load(), source.rules.Load())
	}
	c.now.forget()
	c.now.rules.get(context.Background())
	if source.rules.Load() < 2 {
		t.Error("after a change the nodes are not asked anew")
	}
}

// Who waited while a node took its time has the answer that came: pages do not queue up for one
// each.
func TestWhoWaitsTakesWhatComes(t *testing.T) {
	const pages = 20
	var asked atomic.Int64
	var here, all sync.WaitGroup
	answer := make(chan struct{})
	h := held[int]{hold: time.Nanosecond, within: time.Minute, ask: func(context.Context) []Answer[int] {
		asked.Add(1)
		<-answer
		return nil
	}}
	for range pages {
		here.Add(1)
		all.Go(func() {
			here.Done()
			h.get(t.Context())
		})
	}
	here.Wait()
	close(answer)
	all.Wait()
	if n := asked.Load(); n > pages/2 { // a page that comes just now may ask anew
		t.Errorf("asked %d times for %d pages", n, pages)
	}
}

// answered is what is answered to a request without a connection.
type answered struct {
	header http.Header
	body   strings.Builder
}

func (a *answered) Header() http.Header                { return a.header }
func (a *answered) WriteHeader(int)                    {}
func (a *answered) Write(data []byte) (n int, _ error) { return a.body.Write(data) }

// A node that hangs when it is asked for its graph does not make the counters of the others wait
// too long: they have their own time.
func TestAHungNodeDoesNotHideTheOthers(t *testing.T) {
	s := serve(t, Options{Source: &sick{}})
	seen := 0
	watch(t, s, func(now snapshot) bool {
		if seen++; len(now.Nodes) != 2 || now.Nodes[0].Problem != errSick.Error() || now.Nodes[1].Name != "well-1" || now.Nodes[1].Problem != "" {
			t.Errorf("%+v", now.Nodes)
		}
		return seen == graphEvery+1
	})
}

// silent is a Changer to which one node does not say what it may change.
type silent struct{ Nodes }

func (silent) MayChange(context.Context) []Answer[bool] {
	return []Answer[bool]{{Node: "core-1", Value: true}, {Node: "score-1", Value: true, Err: errSick}}
}

// A node that does not say whether it may be changed is offered no change, and the page says why.
func TestANodeThatDoesNotSayWhoMayChange(t *testing.T) {
	nodes := open(t, mesh.Config{Name: "core-1"}, mesh.Config{Name: "score-1"})
	s := serve(t, Options{Source: Nodes(nodes), Changer: silent{Nodes(nodes)}})
	for _, view := range []string{"limits", "letters"} {
		_, text := send(t, http.MethodGet, s.URL()+"/api/"+view, "")
		if !strings.Contains(text, `"changes":["core-1"]`) || !strings.Contains(text, `"node":"score-1","error":"`+errSick.Error()+`"`) {
			t.Errorf("the view of %s is %s", view, text)
		}
	}
}

// A page hears which nodes this console can change, and the log who changed what, or tried to.
func TestChangesAreLogged(t *testing.T) {
	nodes := open(t, mesh.Config{Name: "core-1", Handlers: []mesh.Handler{stepTaken.Handle("add", func(context.Context, step) error { return nil })}},
		mesh.Config{Name: "score-1"})
	var log strings.Builder
	s := serve(t, Options{Source: Nodes(nodes), Changer: Nodes(nodes[:1]), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if _, session := send(t, http.MethodGet, s.URL()+"/api/session", ""); !strings.Contains(session, `"changes":true`) {
		t.Errorf("the session is %s", session)
	}
	for _, view := range []string{"limits", "letters"} {
		if _, text := send(t, http.MethodGet, s.URL()+"/api/"+view, ""); !strings.Contains(text, `"changes":["core-1"]`) {
			t.Errorf("the view of %s is %s", view, text)
		}
	}
	cut := cutChange{Node: "core-1", Type: "core.step.taken", Place: "handler add", Cut: true}
	if status, text := post(t, s, "/api/cut", cut); status != 200 {
		t.Errorf("status %d: %s", status, text)
	}
	cut.Node = "score-1"
	if status, text := post(t, s, "/api/cut", cut); status != 422 || !strings.Contains(text, "there is no node") {
		t.Errorf("status %d: %s", status, text)
	}
	for _, want := range []string{
		`level=INFO msg="an operator changed the node" node=core-1 operator=console question=cut data="{\"node\":\"core-1\",\"type\":\"core.step.taken\"`,
		`level=WARN msg="an operator could not change the node" node=score-1 operator=console question=cut`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, &log)
		}
	}
}
