package leafmesh_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What events flow through inside a process needs nothing of the node, which opens what leads out
// of it: else every change to one of them is a change to both. See docs/architecture.md.
func TestTheFlowNeedsNothingOfTheNode(t *testing.T) {
	needs := filesThatNeed(t, "mesh")
	if len(needs["node.go"]) == 0 || len(needs["flow.go"]) == 0 {
		t.Fatal("package mesh has no node.go or no flow.go that needs another file")
	}
	from := map[string]string{"flow.go": ""} // by file, the one that needs it
	for queue := []string{"flow.go"}; len(queue) > 0; queue = queue[1:] {
		for file := range needs[queue[0]] {
			if _, seen := from[file]; !seen {
				from[file] = queue[0]
				queue = append(queue, file)
			}
		}
	}
	if _, reached := from["node.go"]; !reached {
		return
	}
	for file := "node.go"; from[file] != ""; file = from[file] {
		t.Errorf("%s needs %s: %s", from[file], file, strings.Join(needs[from[file]][file], ", "))
	}
}

// filesThatNeed finds which names a file of a package uses that stand in another one of its files.
func filesThatNeed(t *testing.T, folder string) map[string]map[string][]string {
	t.Helper()
	fset := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	compiled := compiledPackages(t, folder)
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	checker := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) })}
	pkg, err := checker.Check(module+"/"+folder, fset, files, info)
	if err != nil {
		t.Fatal(err)
	}
	fileOf := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	needs := map[string]map[string][]string{}
	for name, object := range info.Uses {
		from, to := fileOf(name.Pos()), fileOf(object.Pos())
		if object.Pkg() != pkg || from == to || slices.Contains(needs[from][to], object.Name()) {
			continue
		}
		if needs[from] == nil {
			needs[from] = map[string][]string{}
		}
		needs[from][to] = append(needs[from][to], object.Name())
	}
	return needs
}

// compiledPackages are the files with what the compiler exports of each package that one needs.
func compiledPackages(t *testing.T, folder string) map[string]string {
	t.Helper()
	text, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export", "./"+folder).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", folder, err)
	}
	compiled := map[string]string{}
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct{ ImportPath, Export string }
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return compiled
		}
		if err != nil {
			t.Fatal(err)
		}
		compiled[p.ImportPath] = p.Export
	}
}
