package leafmesh_test

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"testing"
)

// named is a test that a row names, with the folder of its package if the row says that.
var named = regexp.MustCompile("(?:`([a-z]+(?:/[a-z]+)*)`: )?`(Test\\w+)`")

// What docs/security.md says of attacks is shown by tests that exist, where it says.
func TestAttacksInTheDocsAreTried(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string][]string{}
	for _, file := range parseGoFiles(t) {
		for _, declared := range file.syntax.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
				folders[f.Name.Name] = append(folders[f.Name.Name], file.folder())
			}
		}
	}
	names := named.FindAllStringSubmatch(string(text), -1)
	if len(names) < 50 {
		t.Errorf("only %d tests are named", len(names))
	}
	for _, n := range names {
		if folder, test := n[1], n[2]; len(folders[test]) == 0 || folder != "" && !slices.Contains(folders[test], folder) {
			t.Errorf("there is no %s in %q", test, folder)
		}
	}
}
