package hunt

import (
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/services/servicetest"
)

func TestConfig(t *testing.T) {
	var c Config
	folder, err := servicetest.LoadYAML(t, "mesh: {name: hunt-1}\nhttp: :8082\ndata: data\nhunt: hunt.yaml\nmax_teams: 7\n", &c)
	if err != nil {
		t.Fatal(err)
	}
	if want := mesh.Path(filepath.Join(folder, "data")); c.Mesh.Name != "hunt-1" || c.HTTP != ":8082" || c.Data != want || c.MaxTeams != 7 {
		t.Errorf("read %+v, want data %s", c, want)
	}
	_, err = servicetest.LoadYAML(t, "mesh: {name: hunt-1}\ndata: data\nmax_teams: -1\n", new(Config))
	for _, want := range []string{":3: max_teams: -1 is negative", "hunt: it is missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
