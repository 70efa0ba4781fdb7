package leafmesh_test

import (
	"flag"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	// recipe is a block of the cookbook, headed by the file that it is of.
	recipe      = regexp.MustCompile("(?ms)^```go (\\S+)\n(.*?)^```$")
	importBlock = regexp.MustCompile(`(?ms)\A.*?^import \(.*?^\)\n+`)

	// blankImport is one that nothing in the code shows, as that of a driver.
	blankImport = regexp.MustCompile(`(?m)^\t_ ("\S+")`)

	writeCookbook = flag.Bool("write-cookbook", false, "write the recipes' code into docs/cookbook.md")
)

// The code of docs/cookbook.md is that of Example files, without package and imports, so that each
// recipe runs with the tests. After a change of an example,
//
//	go test . -run Cookbook -args -write-cookbook
//
// writes the page again.
func TestCookbookIsTheExamples(t *testing.T) {
	const page = "docs/cookbook.md"
	text, err := fs.ReadFile(root, page)
	if err != nil {
		t.Fatal(err)
	}
	recipes := 0
	written := recipe.ReplaceAllStringFunc(string(text), func(block string) string {
		found := recipe.FindStringSubmatch(block)
		recipes++
		code, err := fs.ReadFile(root, found[1])
		if err != nil {
			t.Errorf("%s: %v", page, err)
			return block
		}
		example := importBlock.ReplaceAllString(string(code), "")
		if !strings.Contains("\n"+example, "\nfunc Example") || !strings.Contains(example, "// Output:") {
			t.Errorf("%s has %s, which is no example that runs", page, found[1])
		}
		for _, blank := range blankImport.FindAllStringSubmatch(importBlock.FindString(string(code)), -1) {
			if !strings.Contains(string(text), "`_ "+blank[1]+"`") {
				t.Errorf("%s has %s without its imports, and does not say that it needs _ %s", page, found[1], blank[1])
			}
		}
		if found[2] != example && !*writeCookbook {
			t.Errorf("%s has other code than %s; run: go test . -run Cookbook -args -write-cookbook", page, found[1])
		}
		return "```go " + found[1] + "\n" + example + "```"
	})
	if recipes == 0 {
		t.Errorf("%s has no recipes", page)
	}
	if *writeCookbook {
		if err := os.WriteFile(page, []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
