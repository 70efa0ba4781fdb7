package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
)

// program finds a program of Prometheus, or skips the test by name. In CI it must be there.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%v: in CI it is installed by .ci/run", err)
	}
	if err != nil {
		t.Skipf("%v: install Debian's package prometheus for this test", err)
	}
	return path
}

func TestPromtoolTakesTheRules(t *testing.T) {
	promtool := program(t, "promtool")
	for _, arguments := range [][]string{
		{"check", "config", "../../configs/prometheus/prometheus.yaml"},
		{"check", "rules", "--lint-fatal", "../../configs/prometheus/alerts.yaml"},
		{"test", "rules", "../../configs/prometheus/alerts_test.yaml"},
	} {
		if out, err := exec.CommandContext(within(t), promtool, arguments...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
	}
	node := open(t, mesh.Config{Name: "core-1", Handlers: []mesh.Handler{stepTaken.Handle("count", func(context.Context, step) error { return nil })}})[0]
	s := serve(t, Config{}, node)
	emit(t, node, stepTaken, step{})
	_, text := get(t, s, "/metrics")
	check := exec.CommandContext(within(t), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(ours(text))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// ours are the lines of a scrape that are about leafmesh: Go's have names that promtool does not
// like.
func ours(text string) string { return strings.Join(lines(text, "leafmesh_"), "\n") + "\n" }

// A real Prometheus scrapes two nodes, beyond their loopback interface by their token, reads
// histograms with their exemplars, be it one that takes native ones or not, and takes every
// expression of the alerts and of the dashboard.
func TestAPrometheusReadsIt(t *testing.T) {
	path := program(t, "prometheus")
	common := map[string]string{
		`count(up == 1)`: "2",
		`sum(leafmesh_events_total{outcome="handled"})`:   "40",
		`leafmesh_link_up{node="score-1", peer="core-1"}`: "1",
	}
	for _, test := range []struct {
		name     string
		features string
		values   map[string]string
	}{
		{"classic", "exemplar-storage", map[string]string{
			`leafmesh_handling_seconds_count{node="score-1", place="handler add", type="core.step.taken"}`:              "20",
			`leafmesh_handling_seconds_bucket{node="score-1", place="handler add", type="core.step.taken", le="0.001"}`: "0",
			`leafmesh_handling_seconds_bucket{node="score-1", place="handler add", type="core.step.taken", le="+Inf"}`:  "20",
			`leafmesh_link_delay_seconds_count{peer="core-1"}`:                                                          "20",
		}},
		{"native", "exemplar-storage,native-histograms", map[string]string{
			`histogram_count(leafmesh_handling_seconds{node="score-1", place="handler add", type="core.step.taken"})`: "20",
			`histogram_count(leafmesh_link_delay_seconds{peer="core-1"})`:                                             "20",
			`histogram_fraction(0, 0.001, leafmesh_handling_seconds{place="handler add"})`:                            "0",
			`histogram_quantile(0, leafmesh_handling_seconds{place="handler add"}) > bool 0.0018`:                     "1",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			nodes := open(t,
				mesh.Config{Name: "core-1", Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})},
					Handlers: []mesh.Handler{stepTaken.Handle("count", func(context.Context, step) error { return nil })}},
				mesh.Config{Name: "score-1", Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)},
					Handlers: []mesh.Handler{stepTaken.Handle("add", func(context.Context, step) error { time.Sleep(2 * time.Millisecond); return nil })}})
			c := Config{Listen: "0.0.0.0:0", Token: mesh.NewSecret(token)}
			core, score := serve(t, c, nodes[0]), serve(t, c, nodes[1])
			for range 20 {
				emit(t, nodes[0], stepTaken, step{})
			}
			p := startPrometheus(t, path, test.features, core, score)
			for _, values := range []map[string]string{common, test.values} {
				for query, want := range values {
					var got string
					await(t, query+" = "+want, func() bool { got = p.value(query); return got == want })
				}
			}
			p.hasExemplars(t)
			p.hasRules(t)
			if values, err := p.query(`ALERTS`); err != nil || len(values) > 0 {
				t.Errorf("%d alerts of nodes that are well, %v", len(values), err)
			}
			emit(t, nodes[0], stepTaken, step{}) // rates need something that grows
			for _, expression := range dashboardExpressions(t) {
				p.takes(t, expression)
			}
		})
	}
}

// takes looks that an expression is none that is refused, and that one of durations has a value.
func (p *reader) takes(t *testing.T, expression string) {
	t.Helper()
	if _, err := p.query(expression); err != nil {
		t.Errorf("the dashboard's %s: %v", expression, err)
	}
	if strings.Contains(expression, "histogram_quantile") {
		await(t, "a value of "+expression, func() bool {
			values, err := p.query(expression)
			return err == nil && slices.ContainsFunc(values, func(v string) bool { return v != "NaN" })
		})
	}
}

// reader is a Prometheus that runs for a test.
type reader struct{ url string }

// startPrometheus starts one that scrapes the nodes, with the rules of this repository.
func startPrometheus(t *testing.T, path, features string, nodes ...*Server) *reader {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs("../../configs/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, n := range nodes {
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(n.URL(), "http://"))
		targets = append(targets, fmt.Sprintf("%q", "127.0.0.1:"+port))
	}
	config := fmt.Sprintf(`
global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files: [%q]
scrape_configs:
  - {job_name: leafmesh, authorization: {credentials: %s}, static_configs: [{targets: [%s]}]}
`, rules, token, strings.Join(targets, ", "))
	file := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	command := exec.Command(path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address,
		"--enable-feature="+features)
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
		if t.Failed() {
			t.Logf("Prometheus says:\n%s", &log)
		}
	})
	return &reader{url: "http://" + address}
}

// get asks Prometheus' API.
func (p *reader) get(path string, into any) error {
	answer, err := http.Get(p.url + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said := struct {
		Status, Error string
		Data          json.RawMessage
	}{}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return err
	}
	if said.Status != "success" {
		return errors.New(said.Error)
	}
	return json.Unmarshal(said.Data, into)
}

// query gives the values of an expression.
func (p *reader) query(expression string) (values []string, err error) {
	var data struct {
		Result []struct{ Value [2]any }
	}
	err = p.get("/api/v1/query?query="+url.QueryEscape(expression), &data)
	for _, r := range data.Result {
		values = append(values, fmt.Sprint(r.Value[1]))
	}
	return values, err
}

// value is that of an expression with one; else what is wrong.
func (p *reader) value(expression string) string {
	values, err := p.query(expression)
	if err != nil {
		return err.Error()
	}
	return strings.Join(values, " ")
}

// hasExemplars looks for the root of a cascade in each kind of histogram.
func (p *reader) hasExemplars(t *testing.T) {
	t.Helper()
	for _, name := range []string{"leafmesh_wait_seconds", "leafmesh_handling_seconds", "leafmesh_link_delay_seconds"} {
		await(t, "an exemplar of "+name, func() bool {
			var series []struct {
				Exemplars []struct{ Labels map[string]string }
			}
			window := fmt.Sprintf("&start=%d&end=%d", time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix())
			if err := p.get("/api/v1/query_exemplars?query="+url.QueryEscape(`{__name__=~"`+name+`(_bucket)?"}`)+window, &series); err != nil {
				return false
			}
			for _, s := range series {
				for _, e := range s.Exemplars {
					if _, err := cause.ParseID(e.Labels["root"]); err != nil {
						t.Fatalf("%s has an exemplar %v", name, e.Labels)
					}
				}
				if len(s.Exemplars) > 0 {
					return true
				}
			}
			return false
		})
	}
}

// hasRules looks that each alert was evaluated without an error.
func (p *reader) hasRules(t *testing.T) {
	t.Helper()
	await(t, "the alerts", func() bool {
		var data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		if err := p.get("/api/v1/rules", &data); err != nil || len(data.Groups) != 1 || len(data.Groups[0].Rules) < 10 {
			return false
		}
		healthy := 0
		for _, r := range data.Groups[0].Rules {
			if r.LastError != "" {
				t.Fatalf("%s: %s", r.Name, r.LastError)
			}
			if r.Health == "ok" {
				healthy++
			}
		}
		return healthy == len(data.Groups[0].Rules)
	})
}

// dashboardExpressions are those of all panels, with Grafana's variables filled in.
func dashboardExpressions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../configs/grafana/leafmesh.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all = append(all, strings.NewReplacer("$node", ".*", "$__rate_interval", "1m").Replace(target.Expr))
		}
	}
	if len(all) < 10 {
		t.Fatalf("the dashboard has %d expressions", len(all))
	}
	return all
}
