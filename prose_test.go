package leafmesh_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// Prose is at most so many columns wide, with tabs of four, in comments and in documents.
const maxColumns = 100

func TestProseHasOneWidth(t *testing.T) {
	for _, name := range append(filesOf(t, ".go"), filesOf(t, ".md")...) {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		isProse := newComments()
		if strings.HasSuffix(name, ".md") {
			isProse = newParagraphs()
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasSuffix(name, ".md") && isFence(line) && !fence.MatchString(line) {
				t.Errorf("%s:%d: code begins and ends with a line of its own: %.60s…", name, i+1, line)
			}
			if isProse(line) && utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")) > maxColumns {
				t.Errorf("%s:%d is wider than %d columns: %.60s…", name, i+1, maxColumns, line)
			}
		}
	}
}

// newComments reports of the lines of a Go file, one after the other, whether each is a comment
// that can be broken anywhere: no address, no directive, no block that is indented, and not what an
// example prints.
func newComments() func(line string) bool {
	output := false
	return func(line string) bool {
		text, is := strings.CutPrefix(strings.TrimLeft(line, "\t"), "// ")
		output = is && (output || strings.HasPrefix(text, "Output:") || strings.HasPrefix(text, "Unordered output:"))
		return is && !output && !strings.HasPrefix(text, " ") && !strings.HasPrefix(text, "\t") && strings.Contains(text, " ")
	}
}

// fence is a line that begins or ends code, which may name its language and a file.
var fence = regexp.MustCompile("^ *```(\\w+( [\\w./-]+)?)?$")

func isFence(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "```") }

// newParagraphs reports of the lines of a document, one after the other, whether each is prose: no
// code, table, heading or picture.
func newParagraphs() func(line string) bool {
	code := false
	return func(line string) bool {
		if isFence(line) {
			code = !code
			return false
		}
		return !code && !strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "|") &&
			!strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "!") && strings.Contains(strings.TrimSpace(line), " ")
	}
}
