package metrics

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

const token = "0123456789abcdef"

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string // in the error; empty: none
	}{
		{Config{Listen: "127.0.0.1:9101"}, ""},
		{Config{Listen: "localhost:0"}, ""},
		{Config{Listen: "[::1]:9101"}, ""},
		{Config{Listen: ":9101"}, ""},
		{Config{Listen: "0.0.0.0:9101", Token: mesh.NewSecret(token)}, ""},
		{Config{Listen: "127.0.0.1:9101", Token: mesh.NewSecret(token)}, ""},
		{Config{}, `listen: "" is not of the form host:port; give host:port`},
		{Config{Listen: "9101"}, `listen: "9101" is not of the form host:port`},
		{Config{Listen: "127.0.0.1:many"}, `listen: "127.0.0.1:many" is not`},
		{Config{Listen: "0.0.0.0:9101"}, `token: it is missing, and "0.0.0.0" is not this machine alone; name its file`},
		{Config{Listen: "node.example:9101"}, `token: it is missing`},
		{Config{Listen: "0.0.0.0:9101", Token: mesh.NewSecret("short")}, "token: it has 5 characters; give it 16 at least"},
		{Config{Listen: "0.0.0.0:9101", Token: mesh.Secret{Env: "NO_SUCH_TOKEN"}}, "token.env: "},
	} {
		err := test.config.Validate()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v, want %q", test.config, err, test.want)
		}
		for _, problem := range config.FieldErrors(err) {
			if problem.Field == "" || problem.Remedy == "" {
				t.Errorf("%+v has no field or no remedy", problem)
			}
		}
	}
}

func TestServeSaysWhatIsWrong(t *testing.T) {
	node := open(t, mesh.Config{Name: "core-1"})[0]
	taken := serve(t, Config{}, node)
	for _, test := range []struct{ listen, want string }{
		{"nothing", "serve metrics: metrics.listen: "},
		{strings.TrimPrefix(taken.URL(), "http://"), "address already in use"},
	} {
		if _, err := Serve(Config{Listen: test.listen}, node); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.listen, err, test.want)
		}
	}
}

// Who has the token gets in, and without one this machine alone does: not what a browser shows.
func TestWhoGetsIn(t *testing.T) {
	node := open(t, mesh.Config{Name: "core-1"})[0]
	local := serve(t, Config{Pprof: true}, node)
	guarded := serve(t, Config{Listen: "0.0.0.0:0", Token: mesh.NewSecret(token), Pprof: true}, node)
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/debug/pprof/"} {
		for _, test := range []struct {
			server  *Server
			headers []string
			want    int
		}{
			{local, nil, 200},
			{local, []string{"Host", "localhost:9101"}, 200},
			{local, []string{"Host", "[::1]"}, 200},
			{local, []string{"Host", "evil.example"}, 403},
			{local, []string{"Host", "evil.example:9101"}, 403},
			{guarded, nil, 401},
			{guarded, []string{"Authorization", "Bearer " + token + "x"}, 401},
			{guarded, []string{"Authorization", "Basic " + token}, 401},
			{guarded, []string{"Authorization", "Bearer"}, 401},
			{guarded, []string{"Authorization", "Bearer " + token}, 200},
			{guarded, []string{"Authorization", "bearer " + token, "Host", "core-1.example"}, 200},
		} {
			if got, text := get(t, test.server, path, test.headers...); got != test.want || got != 200 && strings.Contains(text, "leafmesh") {
				t.Errorf("%s with %q: status %d, want %d: %.100s", path, test.headers, got, test.want, text)
			}
		}
	}
}

func TestProfilesAreOffByDefault(t *testing.T) {
	node := open(t, mesh.Config{Name: "core-1"})[0]
	off, on := serve(t, Config{}, node), serve(t, Config{Pprof: true}, node)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/symbol"} {
		if status, _ := get(t, off, path); status != 404 {
			t.Errorf("%s is served: %d", path, status)
		}
		if status, text := get(t, on, path); status != 200 {
			t.Errorf("%s: %d %.100s", path, status, text)
		}
	}
	if status, text := get(t, on, "/debug/pprof/profile?seconds=1"); status != 200 || len(text) == 0 {
		t.Errorf("a profile of a second: %d, %d bytes", status, len(text))
	}
}

// A node is ready while each exporter that it imports from is linked, its outbox takes events, and
// the program's own checks say so.
func TestReadiness(t *testing.T) {
	var broken atomic.Bool
	database := Check{"database", func(context.Context) error {
		if broken.Load() {
			return errors.New("disk I/O error\nand more")
		}
		return nil
	}}
	nodes := open(t, mesh.Config{Name: "core-1", Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{stepTaken.Handle("add", func(context.Context, step) error { return nil })}})
	s := serve(t, Config{}, nodes.Node("score-1"), database)
	if status, text := get(t, s, "/readyz"); status != 200 || text != "node: ok\nimports: ok\noutbox: ok\nclocks: ok\ndatabase: ok\n" {
		t.Errorf("at first: %d %s", status, text)
	}
	metric := func(check string, value int) string {
		return fmt.Sprintf("\nleafmesh_ready{check=%q,node=\"score-1\"} %d\n", check, value)
	}
	_, text := get(t, s, "/metrics")
	for _, check := range []string{"node", "imports", "outbox", "clocks", "database"} {
		if !strings.Contains(text, metric(check, 1)) {
			t.Errorf("no%s in\n%s", metric(check, 1), strings.Join(lines(text, "leafmesh_ready"), "\n"))
		}
	}
	broken.Store(true)
	await(t, "the metric of the broken database", func() bool {
		_, text := get(t, s, "/metrics")
		return strings.Contains(text, metric("database", 0)) && strings.Contains(text, metric("imports", 1))
	})
	await(t, "the broken database", func() bool {
		status, text := get(t, s, "/readyz")
		return status == 503 && text == "node: ok\nimports: ok\noutbox: ok\nclocks: ok\ndatabase: disk I/O error; and more\n"
	})
	broken.Store(false)
	if err := nodes.Node("core-1").Close(within(t)); err != nil {
		t.Fatal(err)
	}
	await(t, "the metric of the broken link", func() bool {
		_, text := get(t, s, "/metrics")
		return strings.Contains(text, metric("imports", 0)) && strings.Contains(text, metric("node", 1))
	})
	await(t, "the broken link", func() bool {
		status, text := get(t, s, "/readyz")
		return status == 503 && strings.Contains(text, "imports: ") && strings.Contains(text, "core-1") && strings.Contains(text, "database: ok")
	})
	if status, text := get(t, s, "/healthz"); status != 200 || text != "ok\n" {
		t.Errorf("it is alive: %d %s", status, text)
	}
}

// An outbox that takes nothing makes its node not ready.
func TestAFullOutboxIsNotReady(t *testing.T) {
	kept := stepTaken.Export(mesh.Limit{})
	kept.KeptFor = []string{"score"}
	node := open(t, mesh.Config{Name: "core-1", Data: mesh.Path(filepath.Join(t.TempDir(), "core")), Exports: []mesh.Export{kept}, Outbox: mesh.Outbox{MaxEvents: 2}})[0]
	s := serve(t, Config{}, node)
	for range 2 {
		emit(t, node, stepTaken, step{})
	}
	await(t, "the full outbox", func() bool {
		status, text := get(t, s, "/readyz")
		return status == 503 && strings.Contains(text, "outbox: outbox is full: it has 2 events")
	})
}

// A check that hangs holds up no other answer, and is asked once for many who ask.
func TestChecksAreAskedOnceASecond(t *testing.T) {
	var asked atomic.Int64
	r := newReadiness([]Check{{"slow", func(ctx context.Context) error { asked.Add(1); <-ctx.Done(); return ctx.Err() }}})
	begun := time.Now()
	var status int
	var text string
	for range 1000 {
		status, text = r.present()
	}
	if got, most := asked.Load(), 1+int64(time.Since(begun)/checkTimeout); got < 1 || got > most {
		t.Errorf("asked %d times, at most %d", got, most)
	}
	if status != 503 || text != "slow: context deadline exceeded\n" {
		t.Errorf("%d %s", status, text)
	}
}

// A token in a file is read as the node's other secrets are.
func TestATokenInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	node := open(t, mesh.Config{Name: "core-1"})[0]
	s := serve(t, Config{Token: mesh.Secret{File: path}}, node)
	if status, _ := get(t, s, "/healthz", "Authorization", "Bearer "+token); status != 200 {
		t.Errorf("status %d", status)
	}
}
