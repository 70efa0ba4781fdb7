package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// own is a service's configuration.
type own struct {
	Config `yaml:",inline"`
	Extra  int `yaml:"extra"`
}

func TestConfig(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "service.yaml")
	load := func(text string, into *own) error {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.LoadYAML(path, into)
	}
	var c own
	if err := load("mesh: {name: clue-1}\nhttp: 127.0.0.1:8081\ndata: ../data\nhunt: hunt.yaml\nextra: 1\n", &c); err != nil {
		t.Fatal(err)
	}
	want := own{Config: Config{HTTP: "127.0.0.1:8081", Data: mesh.Path(filepath.Join(filepath.Dir(folder), "data")), Hunt: mesh.Path(filepath.Join(folder, "hunt.yaml"))}, Extra: 1}
	if c.Mesh.Name != "clue-1" || c.HTTP != want.HTTP || c.Data != want.Data || c.Hunt != want.Hunt || c.Extra != want.Extra {
		t.Errorf("read %+v, want %+v", c, want)
	}
	if err := load("mesh: {name: clue-1}\ndata: data\nhunt: hunt.yaml\n", new(own)); err != nil {
		t.Errorf("without an HTTP API: %v", err)
	}
	c = own{}
	if err := load("mesh: {name: clue-1}\nmetrics: {listen: \"0.0.0.0:9101\", token: {file: clue-1.token}, pprof: true}\ndata: data\nhunt: hunt.yaml\n", &c); err == nil || !strings.Contains(err.Error(), filepath.Join(folder, "clue-1.token")) {
		t.Errorf("a token that is not there: %v", err)
	}
	if m := c.Metrics; m == nil || m.Listen != "0.0.0.0:9101" || !m.Pprof {
		t.Errorf("metrics: %+v", m)
	}
	err := load("mesh: {name: clue}\nmetrics: {listen: \"0.0.0.0:9101\"}\nhttp: \"8081\"\nextar: 1\n", new(own))
	for _, want := range []string{":1: mesh.name: ", ":2: metrics.token: it is missing", ":3: http: ", ":4: extar: ", "extra", "data: it is missing", "hunt: it is missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// One mistake at the top of a service's file is one problem, whatever follows from it.
func TestConfigSaysTheOneThing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "service.yaml")
	const good = "http: 127.0.0.1:8081\ndata: data\nhunt: hunt.yaml\nmesh:\n  name: clue-1\n  alarms: {gain: 2}\n  data: mesh\n"
	for _, test := range []struct{ old, new, want string }{
		{"mesh", "mesh", ""},
		{"mesh:\n", "messh:\n", ":4: messh: unknown key; did you mean mesh?"},
		{"\n  ", "\n", ":4: mesh: nothing stands under the key, and beside it name, alarms; indent what belongs under it by two spaces"},
		{"127.0.0.1:8081", "8081", ":1: http: a whole number stands where a text belongs; give host:port, as in 127.0.0.1:8080"},
		{"127.0.0.1:8081", "'8081'", ":1: http: it is not of the form host:port; give host:port, as in 127.0.0.1:8080"},
	} {
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(good, test.old, test.new)), 0o600); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, e := range config.FieldErrors(config.LoadYAML(path, new(own))) {
			lines = append(lines, strings.TrimPrefix(e.Error(), path))
		}
		if got := strings.Join(lines, "\n"); got != test.want {
			t.Errorf("%q for %q:\n%s\nwant\n%s", test.new, test.old, got, test.want)
		}
	}
}
