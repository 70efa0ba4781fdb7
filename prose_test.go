package leafmesh_test

import (
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"
)

// Prose is at most so many columns wide, with tabs of four, in comments and in documents.
const maxColumns = 100

func TestProseHasOneWidth(t *testing.T) {
	for _, name := range append(filesOf(t, ".go"), filesOf(t, ".md")...) {
		if strings.Contains(name, "example") { // what an example prints is as wide as it is
			continue
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		isProse := isComment
		if strings.HasSuffix(name, ".md") {
			isProse = newParagraphs()
		}
		for i, line := range strings.Split(string(text), "\n") {
			if isProse(line) && utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")) > maxColumns {
				t.Errorf("%s:%d is wider than %d columns: %.60s…", name, i+1, maxColumns, line)
			}
		}
	}
}

// isComment reports whether a line of Go is a comment that can be broken anywhere: no address, no
// directive, and no block that is indented.
func isComment(line string) bool {
	text, is := strings.CutPrefix(strings.TrimLeft(line, "\t"), "// ")
	return is && !strings.HasPrefix(text, " ") && !strings.HasPrefix(text, "\t") && strings.Contains(text, " ")
}

// newParagraphs reports of the lines of a document, one after the other, whether each is prose: no
// code, table, heading or picture.
func newParagraphs() func(line string) bool {
	code := false
	return func(line string) bool {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
			return false
		}
		return !code && !strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "|") &&
			!strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "!") && strings.Contains(strings.TrimSpace(line), " ")
	}
}
