package show_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"leafmesh/cmd/meshctl/internal/show"
)

type row struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
	At    int64  `json:"at,omitzero"`
}

func TestFormats(t *testing.T) {
	rows := []row{{"b\tc", 18446744073709551615, 0}, {"on: off", 2, 1795921250517000000}}
	table := func() show.Table {
		t := show.Table{Head: []string{"NAME", "COUNT", ""}}
		t.Add("b\tc\x1b[31m", "1", "")
		t.Add("longer", "2", "x")
		return t
	}
	for format, want := range map[show.Format]string{
		show.AsTable: "NAME      COUNT\nb c [31m  1\nlonger    2      x\n",
		show.JSON:    "[\n  {\n    \"name\": \"b\\tc\",\n    \"count\": 18446744073709551615\n  },\n  {\n    \"name\": \"on: off\",\n    \"count\": 2,\n    \"at\": 1795921250517000000\n  }\n]\n",
		show.YAML:    "- name: \"b\\tc\"\n  count: 18446744073709551615\n- name: \"on: off\"\n  count: 2\n  at: 1795921250517000000\n",
	} {
		var b strings.Builder
		if err := format.Write(&b, rows, table); err != nil {
			t.Error(err)
		}
		if b.String() != want {
			t.Errorf("%s:\n%s\nwant\n%s", format, b.String(), want)
		}
	}
	var b strings.Builder
	if err := (show.Table{None: "None."}).Write(&b); err != nil || b.String() != "None.\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// What is printed as YAML is read as what it was, by another library than the one that wrote it.
func TestYAMLIsReadAsItWas(t *testing.T) {
	for _, text := range []string{"", "word", "a.b/c-d", "true", "No", "~", "null", "1e3", ".inf", "0x10", "2026-01-01", "a: b", "x #y", "- x", "a\nb\n", "tab\tx", "\r",
		"a\r\nb", "\x00\x1b\x7f\u0085\u2028", "é→🧩", " lead", "trail ", "{x", "*a", "&b", "!t", "%", "'q'", "\"q\"", "\\n", "<<", "=", "---"} {
		value := map[string]any{"list": []any{[]any{text, []any{}}, map[string]any{text: map[string]any{"a": text}, "none": map[string]any{}}}, "text": text}
		var b strings.Builder
		if err := show.YAML.Write(&b, value, nil); err != nil {
			t.Fatal(err)
		}
		var back map[string]any
		if err := yaml.Unmarshal([]byte(b.String()), &back); err != nil || !reflect.DeepEqual(back, value) {
			t.Errorf("%q comes back as %#v, %v, from\n%s", text, back, err, b.String())
		}
		if strings.ContainsAny(b.String(), "\x00\x1b\x7f\r") {
			t.Errorf("%q: control characters in %q", text, b.String())
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

// A pipe that is closed or a disk that is full is an error, and not a list that ends early.
func TestWriteFails(t *testing.T) {
	for _, f := range []show.Format{show.AsTable, show.JSON, show.YAML} {
		err := f.Write(full{}, []row{{}}, func() show.Table { return show.Table{Head: []string{"A"}, Rows: [][]string{{"a"}}} })
		if err == nil {
			t.Errorf("%s: no error", f)
		}
	}
}
