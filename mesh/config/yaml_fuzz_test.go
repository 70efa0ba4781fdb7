package config

import (
	"leafmesh/mesh/internal/configtest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/goccy/go-yaml"
)

// FuzzLoadYAML: whatever the file, LoadYAML does not panic; each of its errors
// is a FieldError on a line of the file with no seed in it; and what it accepts
// comes back the same from its YAML.
func FuzzLoadYAML(f *testing.F) {
	folder, seed := configtest.NewFolder(f)
	f.Add(configtest.Good)
	f.Add(configtest.Full)
	for _, test := range badYAML {
		if text := strings.Replace(configtest.Good, test.old, test.new, 1); len(text) < 1<<16 {
			f.Add(strings.ReplaceAll(text, "SEED", seed))
		}
	}
	file := filepath.Join(folder, "node.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		var config Node
		err := loadText(t, folder, text, &config)
		if err == nil {
			comesBack(t, folder, config)
			return
		}
		for _, e := range FieldErrors(err) {
			if e.File != file || e.Line < 1 || e.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 || e.Problem == "" {
				t.Errorf("odd problem %#v in %q", e, text)
			}
			if strings.ContainsFunc(e.Error(), unicode.IsControl) || len(e.Error()) > len(file)+2000 {
				t.Errorf("not a line for a log: %q", e.Error())
			}
		}
		if strings.Contains(err.Error(), seed) {
			t.Errorf("the seed is in the error of %q", text)
		}
	})
}

func comesBack(t *testing.T, folder string, config Node) {
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var again Node
	if err := loadText(t, folder, string(text), &again); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	again.normalize()
	config.normalize()
	if !reflect.DeepEqual(config, again) {
		t.Errorf("came back as %+v, want %+v", again, config)
	}
}

// normalize makes empty lists nil: YAML leaves both out.
func (n *Node) normalize() {
	for _, list := range []any{&n.Peers, &n.Limits, &n.Exports, &n.Imports} {
		if v := reflect.ValueOf(list).Elem(); v.Len() == 0 {
			v.SetZero()
		}
	}
}
