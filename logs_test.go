package leafmesh_test

import (
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// writesLines are the methods of slog.Logger and journal.Log, with the number of arguments before
// those that are attributes.
var writesLines = map[string]int{
	"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2,
	"Log": 3, "LogAttrs": 3, "InfoAbout": 2, "WarnAbout": 2, "ErrorAbout": 2, "About": 1,
}

// isLog reports whether a call writes a line of a log: slog.Warn(…), f.log.Warn(…).
func isLog(call *ast.CallExpr) (attributes []ast.Expr, ok bool) {
	called, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil, false
	}
	before, writes := writesLines[called.Sel.Name]
	if of := lastName(called.X); !writes || !slices.Contains([]string{"slog", "log", "Log", "logger", "Logger", "journal"}, of) {
		return nil, false
	}
	return call.Args[min(before, len(call.Args)):], true
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// attributesOf finds the attributes that a node of the syntax tree gives a line: arguments of what
// writes it, and what becomes of a list of attributes.
func attributesOf(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		if attributes, ok := isLog(n); ok {
			return attributes
		}
		// The caller of a handler writes what failed by tell(item, text, stack, attributes…).
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "tell" && len(n.Args) > 3 {
			return n.Args[3:]
		}
		if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "append" && strings.HasPrefix(lastName(n.Args[0]), "attr") {
			return n.Args[1:]
		}
	case *ast.AssignStmt:
		if list, ok := n.Rhs[0].(*ast.CompositeLit); ok && strings.HasPrefix(lastName(n.Lhs[0]), "attr") {
			return list.Elts
		}
	}
	return nil
}

// The lines of all logs name the same things in the same way, by the names that docs/why.md lists.
func TestLogsNameTheSameThingsInTheSameWay(t *testing.T) {
	known, used := namesInLogs(t), map[string]bool{"times": true, "within": true, "since": true, "errors": true} // of summaries: package logs
	for _, f := range parseGoFiles(t) {
		if f.isTest() || within(f.folder(), "mesh/logs") || within(f.folder(), "bench") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			attributes := attributesOf(n)
			for i := 0; i < len(attributes); i++ {
				name, at := "", attributes[i]
				switch a := at.(type) {
				case *ast.BasicLit:
					name, _ = strconv.Unquote(a.Value)
					i++
				case *ast.CallExpr: // slog.String("key", …)
					if kind, ok := a.Fun.(*ast.SelectorExpr); ok && lastName(kind.X) == "slog" && len(a.Args) == 2 {
						if text, ok := a.Args[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
							name, _ = strconv.Unquote(text.Value)
						}
					}
				}
				if name != "" && !slices.Contains(known, name) {
					t.Errorf("%s: a line has the attribute %q; docs/why.md lists the names that there are", f.at(at), name)
				}
				used[name] = true
			}
			return true
		})
	}
	for _, name := range known {
		if !used[name] {
			t.Errorf("docs/why.md lists the attribute %q, which no line has", name)
		}
	}
}

// namesInLogs are those of the tables of the section "In the log".
func namesInLogs(t *testing.T) (names []string) {
	t.Helper()
	text, err := fs.ReadFile(root, "docs/why.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## In the log\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if cell, _, found := strings.Cut(strings.TrimPrefix(line, "| "), " | "); found {
			for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
				names = append(names, quoted[1])
			}
		}
	}
	return names
}

// A daemon's file may give each package a level that logs, and no other: the list of
// services/daemon has them all.
func TestDaemonsKnowThePackagesThatLog(t *testing.T) {
	logging, known := map[string]bool{}, map[string]bool{}
	for _, f := range parseGoFiles(t) {
		switch {
		case f.isTest() || !within(f.folder(), "mesh") && !within(f.folder(), "services"):
			continue
		case f.name == "services/daemon/log.go":
			known = textsOf(f.syntax, "packages")
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if _, writes := isLog(call); writes {
					logging[path.Base(f.folder())] = true
				}
			}
			return true
		})
	}
	if got, want := slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(logging)); !slices.Equal(got, want) {
		t.Errorf("services/daemon/log.go lists %q; these log: %q", got, want)
	}
}

// textsOf are the texts of a variable that is a list of them.
func textsOf(f *ast.File, variable string) map[string]bool {
	texts := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Names[0].Name == variable {
			for _, e := range v.Values[0].(*ast.CompositeLit).Elts {
				text, _ := strconv.Unquote(e.(*ast.BasicLit).Value)
				texts[text] = true
			}
		}
		return true
	})
	return texts
}
