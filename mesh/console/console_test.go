package console

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/door"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; no wait ends by it unless something is broken.
const patience = 20 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// open opens nodes of one process that are linked, and closes them at the test's end.
func open(t testing.TB, configs ...mesh.Config) inproc.Nodes {
	t.Helper()
	nodes, err := inproc.Open(within(t), configs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nodes.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	if err := nodes.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return nodes
}

func serve(t testing.TB, o Options) *door.Server {
	t.Helper()
	s, err := Serve(Config{Listen: "127.0.0.1:0"}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send sends a request with headers: name, value, …
func send(t testing.TB, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// watch calls look with each snapshot until it says that it has seen enough.
func watch(t testing.TB, s *door.Server, look func(snapshot) bool) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, s.URL()+"/api/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("the stream is of type %q", kind)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var seen snapshot
		if err := json.Unmarshal([]byte(data), &seen); err != nil {
			t.Fatal(err)
		}
		if look(seen) {
			return
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
}

// fake counts how often it is asked.
type fake struct {
	Source
	asked atomic.Int64
}

func (f *fake) Stats(context.Context) []Answer[stats.Stats] { f.asked.Add(1); return nil }

func (f *fake) Graph(context.Context) []Answer[graph.Graph] { return nil }

type step struct {
	Team string `cbor:"1,keyasint"`
}

var stepTaken = mesh.NewEvent("core.step.taken", mesh.Key(func(s step) string { return s.Team }))

// The page and all that it loads is there, and may do no more than it has to.
func TestPageAndItsPolicy(t *testing.T) {
	s := serve(t, Options{Source: &fake{}})
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/cascades": "text/html; charset=utf-8", "/cascade/019f": "text/html; charset=utf-8", "/assets/style.css": "text/css; charset=utf-8",
		"/assets/main.js": "text/javascript; charset=utf-8", "/assets/icon.svg": "image/svg+xml",
	} {
		response, text := send(t, http.MethodGet, s.URL()+path, "")
		h := response.Header
		if response.StatusCode != 200 || h.Get("Content-Type") != kind || text == "" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: status %d, %v", path, response.StatusCode, h)
		}
		rules := h.Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"} {
			if !strings.Contains(rules, rule) || strings.Contains(rules, "unsafe") {
				t.Errorf("%s: the policy is %q, without %q", path, rules, rule)
			}
		}
		again, _ := send(t, http.MethodGet, s.URL()+path, "", "If-None-Match", h.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s is sent again: status %d", path, again.StatusCode)
		}
		for _, inline := range []string{"style=", "onclick=", "<style", "<script>"} {
			if kind == "text/html; charset=utf-8" && strings.Contains(text, inline) {
				t.Errorf("the page has %q, which the policy forbids", inline)
			}
		}
	}
	for _, path := range []string{"/assets/", "/assets/none.js", "/assets/../console.go", "/nothing", "/api/nothing"} {
		if response, _ := send(t, http.MethodGet, s.URL()+path, ""); response.StatusCode != 404 {
			t.Errorf("%s: status %d", path, response.StatusCode)
		}
	}
	if response, _ := send(t, http.MethodGet, s.URL(), "", "Host", "evil.example"); response.StatusCode != 403 {
		t.Errorf("a page that passes for us by DNS gets status %d", response.StatusCode)
	}
}

// What links and pages a program adds is there, under the same headers, and foreign pages do not
// reach it.
func TestPagesOfTheProgram(t *testing.T) {
	own := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") })
	s := serve(t, Options{Source: &fake{}, Links: []Link{{"Play", "/hunt/"}}, Pages: map[string]http.Handler{"/hunt/": own}})
	if _, text := send(t, http.MethodGet, s.URL()+"/api/session", ""); !strings.Contains(text, `"links":[{"text":"Play","path":"/hunt/"}]`) {
		t.Errorf("the session is %s", text)
	}
	for _, test := range []struct {
		method, origin string
		want           int
	}{{"GET", "", 200}, {"POST", s.URL(), 200}, {"POST", "http://evil.example", 403}, {"GET", "http://evil.example", 200}} {
		response, text := send(t, test.method, s.URL()+"/hunt/x", "", "Origin", test.origin)
		if response.StatusCode != test.want || (test.want == 200) != (text == "a page") || response.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s from %q: status %d, %s", test.method, test.origin, response.StatusCode, text)
		}
	}
}

// The stream shows nodes, a link that breaks, and events that were handled since it began.
func TestLive(t *testing.T) {
	nodes := open(t, mesh.Config{Name: "core-1", Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{stepTaken.Handle("add", func(context.Context, step) error { return nil })}})
	s := serve(t, Options{Source: Nodes(nodes)})
	up := func(seen snapshot) bool { return len(seen.Links) == 1 && seen.Links[0].State == stats.LinkUp }
	watch(t, s, func(seen snapshot) bool { return len(seen.Nodes) == 2 && up(seen) })
	watch(t, s, func(seen snapshot) bool {
		if err := stepTaken.Emit(nodes[0].Context(within(t)), step{}); err != nil {
			t.Fatal(err)
		}
		l := seen.Links
		return len(seen.Types) > 0 && seen.Types[0].Exported > 0 && seen.Nodes[1].Handled > 0 && len(l) == 1 && l[0].Rate > 0
	})
	if err := nodes[0].Close(within(t)); err != nil {
		t.Fatal(err)
	}
	closed := time.Now()
	watch(t, s, func(seen snapshot) bool { return !up(seen) })
	if took := time.Since(closed); took > 2*time.Second {
		t.Errorf("a broken link was seen after %v", took)
	}
}

// While nobody looks the mesh is asked nothing, and those who look share one sample.
func TestNobodyLooksNobodyAsks(t *testing.T) {
	f := &fake{}
	serve(t, Options{Source: f})
	if asked := f.asked.Load(); asked != 0 {
		t.Errorf("asked %d times for nobody", asked)
	}
	ctx, end := context.WithCancel(context.Background())
	l := newLive(ctx, newAnswers(f, nil))
	defer l.end()
	defer end()
	var all []chan []byte
	for range maxStreams {
		news, ok := l.join()
		if !ok {
			t.Fatal("there is no room")
		}
		all = append(all, news)
	}
	if _, ok := l.join(); ok {
		t.Errorf("more than %d may look", maxStreams)
	}
	begun := time.Now()
	for _, news := range all {
		<-news
	}
	if most := 2 + int64(time.Since(begun)/sampleEvery); f.asked.Load() > most {
		t.Errorf("asked %d times for %d who look, want %d at most", f.asked.Load(), maxStreams, most)
	}
	for _, news := range all {
		l.leave(news)
	}
	await(t, "the end of sampling", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return !l.sampling })
	asked := f.asked.Load()
	news, _ := l.join()
	for range 3 {
		<-news
	}
	if f.asked.Load() == asked {
		t.Error("who looks later is told what was")
	}
}

// A server with a page that looks closes at once, and leaves nothing behind.
func TestCloseEndsStreams(t *testing.T) {
	s := serve(t, Options{Source: &fake{}})
	ended := make(chan struct{})
	seen := make(chan struct{}, 100)
	go func() {
		defer close(ended)
		response, err := http.Get(s.URL() + "/api/live")
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			seen <- struct{}{}
		}
	}()
	<-seen
	begun := time.Now()
	if err := s.Close(within(t)); err != nil {
		t.Error(err)
	}
	<-ended
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
