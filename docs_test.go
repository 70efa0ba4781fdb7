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
				target, place, _ := strings.Cut(match[1], "#")
				if strings.Contains(target, "://") {
					continue
				}
				file := name
				if target != "" {
					file = path.Join(path.Dir(name), target)
				}
				switch {
				case !exists(file):
					t.Errorf("%s:%d links to %s, which does not exist", name, i+1, match[1])
				case place != "" && !hasPlace(t, file, place):
					t.Errorf("%s:%d links to %s: %s has no such heading", name, i+1, match[1], file)
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

var noAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// hasPlace reports whether a document has a heading, or an anchor of its own, of that name, as
// GitHub names them.
func hasPlace(t *testing.T, file, place string) bool {
	t.Helper()
	text, err := fs.ReadFile(root, file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `<a id="`+place+`">`) {
			return true
		}
		title, is := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if is && strings.HasPrefix(line, "#") &&
			strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-") == place {
			return true
		}
	}
	return false
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
