package hunt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh"
)

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "hunt.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("mesh: {name: hunt-1}\nhttp: 127.0.0.1:8081\ndata: ../data\nhunt: hunt.yaml\n")
	var c Config
	if err := mesh.LoadYAML(path, &c); err != nil {
		t.Fatal(err)
	}
	if want := mesh.Path(filepath.Join(filepath.Dir(dir), "data")); c.Data != want || c.HTTP != "127.0.0.1:8081" || c.MaxTeams != 0 {
		t.Errorf("read %+v, want data %s", c, want)
	}
	write("mesh: {name: hunt-1}\nhttp: \"8081\"\nmax_teams: -1\n")
	err := mesh.LoadYAML(path, new(Config))
	for _, want := range []string{":2: http: ", ":3: max_teams: -1 is negative", "data: it is missing", "hunt: it is missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
