package graph

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMermaid(t *testing.T) {
	got := mermaid(
		[]box{{Name: "clue.answer.judged"}, {Name: "clue.clue.solved", Marks: []string{"exported", "imported"}}},
		[]arrow{
			{From: "clue.answer.judged", To: "clue.clue.solved", Label: "solve ×0.25"},
			{From: "clue.clue.solved", To: "clue.clue.solved", Label: `say "again"`, Dashed: true},
			{From: "clue.clue.solved", To: "nowhere.to.seen"},
		})
	const want = `flowchart LR
    t0["clue.answer.judged"]
    t1["clue.clue.solved (exported, imported)"]
    t0 -->|"solve ×0.25"| t1
    t1 -.->|"say #34;again#34;"| t1
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNumbers(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 1: "1", 10: "10", 0.5: "0.5", 1.0 / 3: "0.33", 0.001: "0", 1234.567: "1234.57", 100: "100"} {
		if got := number(f); got != want {
			t.Errorf("%g is written %s, want %s", f, got, want)
		}
	}
}

var (
	drawnNode  = regexp.MustCompile(`^    t0\["([^"]*) \(exported\)"\]$`)
	drawnArrow = regexp.MustCompile(`^    t0 -->\|"([^"]*)"\| t0$`)
	entity     = regexp.MustCompile(`#[0-9]+;`)
)

// FuzzMermaid: whatever the names, the drawing has its three lines, no sign in a
// label that Mermaid could read as its own, and the names can be had back.
func FuzzMermaid(f *testing.F) {
	for _, s := range []string{"clue.answer.judged", `"]; click t0 call alert()`, "a\n    t9[x]", "#quot;", "`**b**`", "<b>&amp;", "end", "%%{init}%%", "\xff", "", "×→", "ü"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, label string) {
		text := mermaid([]box{{name, []string{"exported"}}}, []arrow{{From: name, To: name, Label: label}})
		lines := strings.Split(text, "\n")
		if len(lines) != 4 || lines[0] != "flowchart LR" || lines[3] != "" {
			t.Fatalf("drawn as %q", text)
		}
		for i, want := range []struct {
			form *regexp.Regexp
			text string
		}{{drawnNode, name}, {drawnArrow, label}} {
			match := want.form.FindStringSubmatch(lines[i+1])
			if match == nil {
				t.Fatalf("line %q", lines[i+1])
			}
			if strings.ContainsAny(entity.ReplaceAllString(match[1], ""), "\"#;<>&`*%[]{}()|\\\r\x00") {
				t.Errorf("bare signs in %q", match[1])
			}
			if got := unescape(match[1]); got != strings.ToValidUTF8(want.text, "") && utf8.ValidString(want.text) {
				t.Errorf("%q is read as %q", want.text, got)
			}
		}
	})
}

func unescape(label string) string {
	return entity.ReplaceAllStringFunc(label, func(e string) string {
		c, err := strconv.Atoi(strings.Trim(e, "#;"))
		if err != nil {
			return fmt.Sprint(err)
		}
		return string(rune(c))
	})
}
