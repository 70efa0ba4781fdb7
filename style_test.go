package leafmesh_test

import (
	"go/ast"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// Sizes that a reader can hold.
const (
	maxFileLines     = 400
	maxFunctionLines = 60 // tests are not bounded: a table or a scenario is long
)

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, f := range parseGoFiles(t) {
		if f.lines > maxFileLines {
			t.Errorf("%s has %d lines; at most %d are allowed", f.name, f.lines, maxFileLines)
		}
		if f.isTest() {
			continue
		}
		for _, d := range f.syntax.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if lines := f.line(function.End()) - f.line(function.Pos()) + 1; lines > maxFunctionLines {
				t.Errorf("%s: %s has %d lines; at most %d are allowed", f.at(d), function.Name, lines, maxFunctionLines)
			}
		}
	}
}

// Every exported name has a doc comment. A group of constants or variables may
// have one for all.
func TestExportedNamesAreDocumented(t *testing.T) {
	for _, f := range parseGoFiles(t) {
		if f.isTest() {
			continue
		}
		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
					t.Errorf("%s: %s has no doc comment", f.at(d), d.Name)
				}
			case *ast.GenDecl:
				for _, name := range undocumented(d) {
					t.Errorf("%s: %s has no doc comment", f.at(name), name)
				}
			}
		}
	}
}

// exportedReceiver reports whether a function is seen outside: it has no
// receiver, or one of an exported type.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	receiver := f.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.IsExported()
		default:
			return false
		}
	}
}

// undocumented lists the exported names of a declaration that nothing explains.
func undocumented(d *ast.GenDecl) (names []*ast.Ident) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
				names = append(names, s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// What is left to do is in the tracker, where somebody decides about it.
func TestNothingIsLeftToDo(t *testing.T) {
	marks := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:"}
	for _, name := range append(filesOf(t, ".go"), filesOf(t, ".md")...) {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, mark := range marks {
				if strings.Contains(line, mark) {
					t.Errorf("%s:%d has a %s", name, i+1, mark)
				}
			}
		}
	}
}

// root is the module's folder: go test runs in the package's.
var root = os.DirFS(".")

// filesOf lists the project's files with an ending, by their paths from the root.
func filesOf(t *testing.T, ending string) (names []string) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || name == "bin" || name == "data"):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ending):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
