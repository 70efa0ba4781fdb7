package daemon

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// The table in docs/operations.md of what a reload takes says of each field what its tag says, and
// names no field that is not there.
func TestOperationsSayWhatAReloadTakes(t *testing.T) {
	said, known := saidOfReloads(t), map[string]bool{}
	check := func(path, tag string) {
		for of := path; ; of = of[:max(0, strings.LastIndexByte(of, '.'))] {
			switch column := said[of]; {
			case of == "":
				t.Errorf("%s (%s) is not in the table", path, tag)
			case column == "":
				continue
			case column != tag:
				t.Errorf("the table has %s under %q, and the tag of %s is %s", of, column, path, tag)
			}
			return
		}
	}
	var fields func(path string, of reflect.Type)
	fields = func(path string, of reflect.Type) {
		for _, f := range reflect.VisibleFields(of) {
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			tag, inner := f.Tag.Get("reload"), f.Type
			if name == "-" || tag == "" {
				continue
			}
			at := strings.TrimPrefix(path+"."+name, ".")
			if at == "mesh" {
				at = "" // its fields are called without it
			}
			known[at] = true
			if inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if divided := tag == "parts" || name == "exports" || name == "imports"; divided && inner.Kind() == reflect.Struct {
				fields(at, inner)
				continue
			}
			check(at, tag)
		}
	}
	fields("", reflect.TypeFor[Config]())
	for name := range said {
		if !known[name] {
			t.Errorf("the table names %s, and there is no such field", name)
		}
	}
}

// saidOfReloads reads the table: "live" or "restart" by the field.
func saidOfReloads(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n| live | needs a restart |\n|---|---|\n")
	if !found {
		t.Fatal("the table is not there")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	said := map[string]string{}
	for row := range strings.Lines(table) {
		for i, cell := range strings.Split(strings.Trim(row, "|\n"), "|") {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
				said[name[1]] = []string{"live", "restart"}[i]
			}
		}
	}
	return said
}
