package mesh_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What is given to the wrong thing does not compile. Each line is in a program of its own.
func TestWhatDoesNotFitDoesNotCompile(t *testing.T) {
	compiled, err := exec.CommandContext(t.Context(), "go", "list", "-export", "-f", "{{.Export}}", "leafmesh/mesh").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	checker := types.Config{Importer: importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
		if path != "leafmesh/mesh" {
			return nil, fmt.Errorf("package %s is not needed here", path)
		}
		return os.Open(strings.TrimSpace(string(compiled)))
	})}
	for _, test := range []struct{ name, line, want string }{
		{"a key", `mesh.NewEvent("a.b.c", mesh.Key(func(j judged) string { return j.Team }))`, ""},
		{"a key and the type named", `mesh.NewEvent[judged]("a.b.c", mesh.Key(func(j judged) string { return j.Team }), mesh.AllowLoop[judged](1))`, ""},
		{"the key of another type", `mesh.NewEvent[judged]("a.b.c", mesh.Key(func(s solved) string { return s.Team }))`, "EventOption[solved]"},
		{"a key with another beside it", `mesh.NewEvent("a.b.c", mesh.Key(func(j judged) string { return "" }), mesh.Key(func(s solved) string { return "" }))`, "EventOption[solved]"},
		{"the loops of another type", `mesh.NewEvent[judged]("a.b.c", mesh.AllowLoop[solved](1))`, "EventOption[solved]"},
		{"an event's option for a handler", `mesh.NewEvent[judged]("a.b.c").Handle("x", nil, mesh.AllowLoop[judged](1))`, "HandlerOption"},
		{"a handler's option for an event", `mesh.NewEvent[judged]("a.b.c", mesh.Workers(2))`, "EventOption[judged]"},
		{"what only has a subject, as an event type", `mesh.Emits(new(mesh.Header))`, "EventType"},
		{"pauses that do not say which is which", `mesh.NewEvent[judged]("a.b.c").Handle("x", nil, mesh.Retry(3, 1, 2))`, "mesh.Retry"},
	} {
		t.Run(test.name, func(t *testing.T) {
			program := "package main\n\nimport \"leafmesh/mesh\"\n\ntype judged struct{ Team string }\n\ntype solved struct{ Team string }\n\n" +
				"var _ solved\n\nfunc main() { _ = " + test.line + " }\n"
			file, err := parser.ParseFile(files, "main.go", program, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = checker.Check("main", files, []*ast.File{file}, nil)
			if compiles := err == nil; compiles != (test.want == "") || !compiles && !strings.Contains(err.Error(), test.want) {
				t.Errorf("compiles: %v, saying %v; want %q", compiles, err, test.want)
			}
		})
	}
}
