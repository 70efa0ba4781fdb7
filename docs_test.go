package leafmesh_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// pathInCode is a file of ours named in the text: `mesh/emit.go`.
	pathInCode = regexp.MustCompile("`((?:mesh|services|embedded|cmd|configs|docs|bench)/[A-Za-z0-9_./-]*\\.[a-z]+)`")
)

// Every relative link and every file named in the documentation exists.
func TestDocumentationNamesFilesThatExist(t *testing.T) {
	for _, name := range filesOf(t, ".md") {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if fenced {
				continue
			}
			for _, match := range markdownLink.FindAllStringSubmatch(line, -1) {
				target, _, _ := strings.Cut(match[1], "#")
				if target != "" && !strings.Contains(target, "://") && !exists(path.Join(path.Dir(name), target)) {
					t.Errorf("%s:%d links to %s, which does not exist", name, i+1, match[1])
				}
			}
			for _, match := range pathInCode.FindAllStringSubmatch(line, -1) {
				if !exists(match[1]) {
					t.Errorf("%s:%d names %s, which does not exist", name, i+1, match[1])
				}
			}
		}
	}
}

// docs/README.md lists every document, so that a reader finds it by what it is for.
func TestEachDocumentIsListed(t *testing.T) {
	list, err := fs.ReadFile(root, "docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := fs.Glob(root, "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents {
		if base := path.Base(name); base != "README.md" && !strings.Contains(string(list), "]("+base+")") {
			t.Errorf("docs/README.md does not list %s", base)
		}
	}
}

func exists(name string) bool {
	_, err := fs.Stat(root, name)
	return err == nil
}
