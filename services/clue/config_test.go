package clue

import (
	"path/filepath"
	"testing"

	"leafmesh/mesh"
	"leafmesh/services/servicetest"
)

func TestConfig(t *testing.T) {
	var c Config
	folder, err := servicetest.LoadYAML(t, "mesh: {name: clue-1}\nhttp: :8081\ndata: data\nhunt: hunt.yaml\ntrust_time: true\n", &c)
	if err != nil {
		t.Fatal(err)
	}
	if want := mesh.Path(filepath.Join(folder, "data")); c.Mesh.Name != "clue-1" || c.HTTP != ":8081" || c.Data != want || !c.TrustTime {
		t.Errorf("read %+v, want data %s", c, want)
	}
}
