package config

import (
	"errors"
	"io/fs"
	"leafmesh/mesh/internal/configtest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// loadText loads a YAML text as node.yaml in a folder.
func loadText(t testing.TB, folder, text string, into Validator) error {
	t.Helper()
	path := filepath.Join(folder, "node.yaml")
	configtest.WriteFile(t, path, text, 0o644)
	return LoadYAML(path, into)
}

func TestLoadYAMLReadsEveryField(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	var got Node
	if err := loadText(t, folder, configtest.Good, &got); err != nil {
		t.Fatal(err)
	}
	want := Node{
		Name: "clue-1", Listen: "127.0.0.1:7401", Seed: Secret{File: filepath.Join(folder, "clue-1.nk")},
		Peers: []Peer{
			{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:7402", Key: configtest.KeyC},
			{Name: "score-1", Key: configtest.KeyA, MayImport: AllExports()},
			{Name: "score-2", KeyFile: filepath.Join(folder, "score-2.pub"), MayImport: AllExports()},
		},
		Limits:     []Rule{{Event: "clue.answer.submitted", Limit: Limit{Rate: Per(20, 60e9), Burst: 50, Policy: Wait}}},
		Exports:    []Export{{Event: "clue.clue.solved"}},
		Imports:    []Import{{Event: "hunt.clue.unlocked", Delivery: Each}},
		Tap:        &Tap{Listen: "localhost:0", User: "watcher", Password: Secret{Env: "TAP_PASSWORD"}},
		MaxPayload: 4096,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("loaded\n%+v, want\n%+v", got, want)
	}
}

func TestConfigComesBackFromYAML(t *testing.T) {
	folder, seed := configtest.NewFolder(t)
	var first, second Node
	if err := loadText(t, folder, configtest.Good, &first); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	// Into another folder: the paths in the text do not depend on it.
	if err := loadText(t, t.TempDir(), string(text), &second); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("came back as\n%+v, want\n%+v", second, first)
	}
	first.Seed, first.Tap.Password = NewSecret(seed), NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")
	text, err = yaml.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), seed) || strings.Contains(string(text), "horse") {
		t.Errorf("a secret is in the YAML:\n%s", text)
	}
}

// serviceConfig is a service's own configuration around a Node.
type serviceConfig struct {
	HTTP string `yaml:"http"`
	Data Path   `yaml:"data"`
	Node struct {
		Mesh Node `yaml:"mesh"`
	} `yaml:"node"`
}

var errNoHTTP = errors.New("http is not host:port")

func (c *serviceConfig) Validate() error {
	var own error
	if !strings.Contains(c.HTTP, ":") {
		own = InField("http", errNoHTTP)
	}
	return errors.Join(own, InField("node", InField("mesh", c.Node.Mesh.Validate())))
}

func TestLoadYAMLOfAServiceNamesWholePaths(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	config := serviceConfig{HTTP: "localhost", Data: "untouched"}
	err := loadText(t, folder, "data: state/clue.db\nnode:\n  mesh:\n    name: clue-x\n    imports:\n      - event: hunt.clue.unlocked\n", &config)
	want := []struct {
		line  int
		field string
	}{{1, "http"}, {3, "node.mesh.seed"}, {4, "node.mesh.name"}, {6, "node.mesh.imports[0].event"}}
	got := FieldErrors(err)
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(got), len(want), err)
	}
	for i, w := range want {
		if got[i].Line != w.line || got[i].Field != w.field || got[i].File != filepath.Join(folder, "node.yaml") {
			t.Errorf("problem %d is at %s:%d: %s, want line %d: %s", i, got[i].File, got[i].Line, got[i].Field, w.line, w.field)
		}
	}
	if !errors.Is(err, errNoHTTP) {
		t.Errorf("errors.Is does not find the service's own error in %v", err)
	}
	if want := Path(filepath.Join(folder, "state/clue.db")); config.Data != want {
		t.Errorf("data is %q, want %q", config.Data, want)
	}
	if config.HTTP != "localhost" {
		t.Errorf("the default %q was not kept", config.HTTP)
	}
}

func TestLoadYAMLOfAFileThatIsNotThere(t *testing.T) {
	err := LoadYAML(filepath.Join(t.TempDir(), "no.yaml"), &Node{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no.yaml") {
		t.Errorf("%v, want one that is fs.ErrNotExist and names the file", err)
	}
}

func TestPathsStayWhereTheyAreIfAbsoluteOrEmpty(t *testing.T) {
	for path, want := range map[string]string{"": "", "/var/x": "/var/x", "x": "/etc/x", "../x": "/x", "./a/../x": "/etc/x"} {
		if got := absolute("/etc", path); got != want {
			t.Errorf("%q becomes %q, want %q", path, got, want)
		}
	}
}
