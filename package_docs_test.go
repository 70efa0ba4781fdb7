package leafmesh_test

import (
	"go/doc/comment"
	"path"
	"strings"
	"testing"
)

// Who reads `go doc` of a public package finds in its first sentence what the package does, and
// before anything else in sections how it is used: a block of code, before the guarantees.
func TestPackageDocsBeginWithUse(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range parseGoFiles(t) {
		folder := f.folder()
		if f.isTest() || !within(folder, "mesh") || within(folder, "mesh/internal") {
			continue
		}
		documented[folder] = documented[folder] || f.syntax.Doc != nil
		if f.syntax.Doc == nil {
			continue
		}
		text := f.syntax.Doc.Text()
		if name := path.Base(folder); !strings.HasPrefix(text, "Package "+name+" ") {
			t.Errorf("%s: the doc does not begin with \"Package %s\"", f.name, name)
		}
		if !usedFirst(text) {
			t.Errorf("%s: no code in the doc shows how the package is used, before its sections", f.name)
		}
	}
	if len(documented) == 0 {
		t.Fatal("no public packages found")
	}
	for folder, has := range documented {
		if !has {
			t.Errorf("%s has no package doc", folder)
		}
	}
}

// usedFirst reports whether code comes before the first heading.
func usedFirst(text string) bool {
	var parser comment.Parser
	for _, block := range parser.Parse(text).Content {
		switch block.(type) {
		case *comment.Code:
			return true
		case *comment.Heading:
			return false
		}
	}
	return false
}
