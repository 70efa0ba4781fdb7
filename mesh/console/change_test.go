package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/door"
	"leafmesh/mesh/stats"
)

// tokenOf is the token of a console's session, as its page has it.
func tokenOf(t testing.TB, s *door.Server) string {
	t.Helper()
	var session struct{ Token string }
	get(t, s.URL()+"/api/session", &session)
	return session.Token
}

// post asks for a change, as a page does, and returns the status and what is said.
func post(t testing.TB, s *door.Server, path string, body any, headers ...string) (status int, text string) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if headers == nil {
		headers = []string{tokenHeader, tokenOf(t, s), "Origin", s.URL(), "Sec-Fetch-Site", "same-origin"}
	}
	response, text := send(t, http.MethodPost, s.URL()+path, string(data), headers...)
	return response.StatusCode, text
}

// Only a page of this console changes something, and only where somebody may.
func TestWhoMayChange(t *testing.T) {
	nodes := Nodes(open(t, mesh.Config{Name: "core-1", Handlers: []mesh.Handler{stepTaken.Handle("add", func(context.Context, step) error { return nil })}}))
	may, shows := serve(t, Options{Source: nodes, Changer: nodes}), serve(t, Options{Source: nodes})
	token := tokenOf(t, may)
	cut := cutChange{Node: "core-1", Type: "core.step.taken", Place: "handler add", Cut: true}
	for _, test := range []struct {
		name    string
		server  *door.Server
		headers []string
		want    int
		says    string
	}{
		{"its own page", may, []string{tokenHeader, token, "Origin", may.URL(), "Sec-Fetch-Site", "same-origin"}, 200, "{}"},
		{"a program with the token", may, []string{tokenHeader, token}, 200, "{}"},
		{"no token", may, []string{"Origin", may.URL()}, 403, "load the page again"},
		{"another token", may, []string{tokenHeader, tokenOf(t, shows)}, 403, "load the page again"},
		{"another origin with the token", may, []string{tokenHeader, token, "Origin", "http://evil.example"}, 403, "another origin"},
		{"another site with the token", may, []string{tokenHeader, token, "Sec-Fetch-Site", "cross-site"}, 403, "another origin"},
		{"another port of this machine", may, []string{tokenHeader, token, "Sec-Fetch-Site", "same-site"}, 403, "another origin"},
		{"a name of somebody's", may, []string{tokenHeader, token, "Host", "evil.example"}, 403, "127.0.0.1"},
		{"nobody may", shows, []string{tokenHeader, tokenOf(t, shows)}, 403, "only shows"},
	} {
		if err := nodes[0].Restore(cut.Type, cut.Place); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/api/limit", "/api/letter/replay", "/api/letter/drop", "/api/cut"} {
			if status, text := post(t, test.server, path, cut, test.headers...); test.want != 200 && status != test.want || path == "/api/cut" && (status != test.want || !strings.Contains(text, test.says)) {
				t.Errorf("%s, %s: status %d, want %d: %s", test.name, path, status, test.want, text)
			}
		}
		if isCut := nodes[0].Places()[0].Cut; isCut != (test.want == 200) {
			t.Errorf("%s: cut is %v", test.name, isCut)
		}
	}
	if _, text := send(t, http.MethodGet, shows.URL()+"/api/limits", ""); !strings.Contains(text, `"changes":[]`) {
		t.Errorf("where nobody may: %s", text)
	}
	if response, _ := send(t, http.MethodGet, may.URL()+"/api/cut", "", tokenHeader, token); response.StatusCode != 405 {
		t.Errorf("a GET changes something: status %d", response.StatusCode)
	}
}

// limited is a change of all numbers of a limit.
func limited(node string, id config.RuleID, to mesh.Limit) limitChange {
	return limitChange{node, config.LimitChange{ID: id, Limit: config.LimitNumbers{Rate: &to.Rate, Burst: &to.Burst, Policy: &to.Policy}}}
}

// A rule is shown with its use, and its numbers are changed while all else of the node stays.
func TestLimits(t *testing.T) {
	nodes := Nodes(open(t, mesh.Config{Name: "core-1", Limits: []mesh.Rule{
		{Name: "few", Event: "core.>", Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 3, Policy: mesh.Refuse}},
		{Event: "core.step.taken", Place: mesh.AtHandler, Handler: "add", Concurrency: 2},
	}, Handlers: []mesh.Handler{stepTaken.Handle("add", func(context.Context, step) error { return nil })}}))
	s := serve(t, Options{Source: nodes, Changer: nodes})
	for range 5 {
		if err := stepTaken.Emit(nodes[0].Context(within(t)), step{}); err != nil && !errors.Is(err, mesh.ErrRefused) {
			t.Fatal(err)
		}
	}
	var v limitsView
	await(t, "what was handled", func() bool { get(t, s.URL()+"/api/limits", &v); return len(v.Rules) == 2 && v.Rules[1].Passed == 3 })
	few, calls := v.Rules[0], v.Rules[1]
	if few.Passed != 3 || few.Stopped != 2 || few.PerSecond != float64(mesh.Per(1, time.Hour)) || few.Rule.Limit.Burst != 3 || calls.PerSecond != 0 {
		t.Errorf("%+v and %+v", few, calls)
	}
	for _, test := range []struct {
		name   string
		change limitChange
		want   int
		says   string
	}{
		{"more", limited("core-1", few.ID, mesh.Limit{Rate: 50, Burst: 7, Policy: mesh.Shed}), 200, "{}"},
		{"coalesce", limited("core-1", few.ID, mesh.Limit{Rate: 50, Burst: 7, Policy: mesh.Coalesce}), 200, "{}"},
		{"wait again", limited("core-1", few.ID, mesh.Limit{Rate: 50, Burst: 7, Policy: mesh.Wait}), 200, "{}"},
		{"calls", limitChange{"core-1", config.LimitChange{ID: calls.ID, Concurrency: new(5)}}, 200, "{}"},
		{"no policy", limited("core-1", few.ID, mesh.Limit{Rate: 50, Burst: 7, Policy: "guess"}), 422, "limit.policy"},
		{"too many calls", limitChange{"core-1", config.LimitChange{ID: calls.ID, Concurrency: new(5000)}}, 422, "concurrency"},
		{"another rule", limited("core-1", config.RuleID{"rate", "core.>"}, mesh.Limit{Rate: 1}), 422, "no such rule"},
		{"another node", limited("core-2", few.ID, mesh.Limit{Rate: 1}), 422, "no node"},
	} {
		before := nodes[0].Rules()
		status, text := post(t, s, "/api/limit", test.change)
		if status != test.want || !strings.Contains(text, test.says) {
			t.Errorf("%s: status %d, want %d: %s", test.name, status, test.want, text)
		}
		after := nodes[0].Rules()
		for i, rule := range after {
			switch is := rule.Identity() == test.change.ID && test.want == 200; {
			case !is && rule != before[i]:
				t.Errorf("%s: a rule that was not meant is now %+v", test.name, rule)
			case is && rule != test.change.Apply(before[i]):
				t.Errorf("%s: it is now %+v", test.name, rule)
			}
		}
	}
	for _, body := range []string{"", "{", `{"node":"core-1","limit":{"rate":"many"}}`, `{"nodes":"core-1"}`} {
		if response, text := send(t, http.MethodPost, s.URL()+"/api/limit", body, tokenHeader, tokenOf(t, s)); response.StatusCode != 400 {
			t.Errorf("%s: status %d, %s", body, response.StatusCode, text)
		}
	}
}

// A change of numbers leaves all else of a rule as it is, and one of the policy takes away what is
// for the former one alone.
func TestALimitChangesAlone(t *testing.T) {
	waits := mesh.Rule{Name: "slowly", Event: "core.>", By: mesh.ByKey, Limit: mesh.Limit{Rate: 5, Burst: 2, Policy: mesh.Wait}, Waiting: 7}
	joins := mesh.Rule{Name: "joined", Event: "core.step.taken", By: mesh.ByKey, Limit: mesh.Limit{Rate: 5, Burst: 2, Policy: mesh.Coalesce}, Within: time.Minute}
	nodes := Nodes(open(t, mesh.Config{Name: "core-1", Limits: []mesh.Rule{waits, joins}}))
	s := serve(t, Options{Source: nodes, Changer: nodes})
	before := nodes[0].Rules()
	set := func(limit mesh.Limit, want ...mesh.Rule) {
		t.Helper()
		for i, rule := range before {
			if status, text := post(t, s, "/api/limit", limited("core-1", rule.Identity(), limit)); status != 200 {
				t.Fatalf("status %d: %s", status, text)
			}
			want[i].Limit = limit
		}
		if got := nodes[0].Rules(); !slices.Equal(got, want) {
			t.Errorf("%v: %+v, want %+v", limit, got, want)
		}
	}
	for i, rule := range before {
		limit := rule.Limit
		limit.Rate, limit.Burst = 50, 9
		if status, text := post(t, s, "/api/limit", limited("core-1", rule.Identity(), limit)); status != 200 {
			t.Fatalf("status %d: %s", status, text)
		}
		if rule.Limit = limit; nodes[0].Rules()[i] != rule {
			t.Errorf("%+v, want %+v", nodes[0].Rules()[i], rule)
		}
	}
	first, second := before[0], before[1]
	first.Waiting, second.Within = 0, 0
	set(mesh.Limit{Rate: 5, Burst: 1, Policy: mesh.Refuse}, first, second)
}

// What counts for a rule is of its types and its place.
func TestUseOf(t *testing.T) {
	all := stats.Stats{Counts: []stats.Count{
		{Type: "a.b.c", Outcome: stats.Admitted, Count: 100}, {Type: "a.b.c", Outcome: stats.Imported, Count: 30}, {Type: "a.b.c", Outcome: stats.Stored, Count: 7},
		{Type: "a.b.c", Outcome: stats.Handled, Place: "handler one", Count: 60}, {Type: "a.b.c", Outcome: stats.Handled, Place: "handler two", Count: 50},
		{Type: "a.b.c", Outcome: stats.Shed, Place: "emit", Rule: "few", Count: 5}, {Type: "a.b.c", Outcome: stats.Shed, Place: "export", Rule: "few", Count: 6},
		{Type: "a.b.c", Outcome: stats.Refused, Place: "handler one", Rule: "few", Count: 4}, {Type: "other.b.c", Outcome: stats.Admitted, Count: 1000},
		{Type: "a.b.c", Outcome: stats.Delayed, Place: "import", Rule: "few", Count: 8},
	}, Lines: []stats.Line{{Type: "a.b.c", Place: "import", Rule: "few", Waiting: 9}}}
	for _, test := range []struct {
		rule config.Rule
		want ruleView
	}{
		{config.Rule{Place: config.AtEmit}, ruleView{Passed: 70, Stopped: 5}},
		{config.Rule{Place: config.AtExport}, ruleView{Passed: 7, Stopped: 6}},
		{config.Rule{Place: config.AtImport}, ruleView{Passed: 30, Delayed: 8, Waiting: 9}},
		{config.Rule{Place: config.AtHandler, Handler: "one"}, ruleView{Passed: 60, Stopped: 4}},
		{config.Rule{Place: config.AtHandler, Handler: "two"}, ruleView{Passed: 50}},
		{config.Rule{Place: config.AtHandler}, ruleView{Passed: 110, Stopped: 4}},
	} {
		test.rule.Event, test.rule.Name = "a.>", "few"
		v := useOf("a-1", test.rule, all)
		if v.Passed != test.want.Passed || v.Stopped != test.want.Stopped || v.Delayed != test.want.Delayed || v.Waiting != test.want.Waiting {
			t.Errorf("%+v: %+v, want %+v", test.rule, v, test.want)
		}
	}
}

// A dead letter is listed, replayed once its handler works, and gone; another one is dropped.
// Meanwhile the page shows what comes again.
func TestLetters(t *testing.T) {
	kept := stepTaken.Export(mesh.Limit{})
	kept.KeptFor = []string{"score"}
	taken := stepTaken.Import(mesh.Limit{}, mesh.Shared)
	taken.Durable, taken.Redelivery = true, mesh.Redelivery{Tries: 2, After: 10 * time.Millisecond}
	var works atomic.Bool
	data := t.TempDir()
	at := func(name string) mesh.Path { return mesh.Path(filepath.Join(data, name)) }
	nodes := Nodes(open(t, mesh.Config{Name: "core-1", Data: at("core"), Exports: []mesh.Export{kept}},
		mesh.Config{Name: "score-1", Data: at("score"), Imports: []mesh.Import{taken}, Handlers: []mesh.Handler{
			stepTaken.Handle("add", func(context.Context, step) error {
				if !works.Load() {
					return errors.New("no paper")
				}
				return nil
			}, mesh.Retry{Tries: 1})}}))
	s := serve(t, Options{Source: nodes, Changer: nodes})
	for _, team := range []string{"otters", "owls"} {
		if err := stepTaken.Emit(nodes[0].Context(within(t)), step{team}); err != nil {
			t.Fatal(err)
		}
	}
	var v lettersView
	await(t, "two letters", func() bool {
		get(t, s.URL()+"/api/letters", &v)
		return len(v.Letters) == 2 && len(v.Again) == 1 && v.Again[0].Redelivered >= 2
	})
	first := v.Letters[0]
	if first.Node != "score-1" || first.Type != "core.step.taken" || first.Handler != "add" || first.Letter.Error != "no paper" || v.Again[0].Service != "score" || v.Again[0].Node != "core-1" {
		t.Errorf("%+v", v)
	}
	change := letterChange{Node: "score-1", Key: first.Letter.Key}
	if status, text := post(t, s, "/api/letter/replay", change); status != 422 || !strings.Contains(text, "no paper") {
		t.Errorf("a replay that fails: status %d, %s", status, text)
	}
	works.Store(true)
	if status, text := post(t, s, "/api/letter/replay", change); status != 200 {
		t.Errorf("replay: status %d, %s", status, text)
	}
	if status, text := post(t, s, "/api/letter/drop", letterChange{Node: "score-1", Key: v.Letters[1].Letter.Key}); status != 200 {
		t.Errorf("drop: status %d, %s", status, text)
	}
	if get(t, s.URL()+"/api/letters", &v); len(v.Letters) != 0 {
		t.Errorf("letters are left: %+v", v)
	}
	if status, text := post(t, s, "/api/letter/replay", change); status != 422 || !strings.Contains(text, "score-1") {
		t.Errorf("a letter that is gone: status %d, %s", status, text)
	}
}
