package huntfile

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"leafmesh/services/answer"
)

const samplePath = "../../configs/sample-hunt.yaml"

func TestSampleHunt(t *testing.T) {
	h, err := Load(samplePath)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Clues) != 12 {
		t.Errorf("%d clues, want a dozen", len(h.Clues))
	}
	for _, c := range h.Clues {
		if len(c.Hints) == 0 || c.Points == 0 || c.Text == "" {
			t.Errorf("clue %s lacks a text, points or hints", c.ID)
		}
		if c.ID == "crow" { // whose answer is hidden in its text
			continue
		}
		for _, a := range c.Answers {
			if text := answer.Normalize(c.Text); strings.Contains(text, answer.Normalize(a)) {
				t.Errorf("the text of clue %s tells its answer %q", c.ID, a)
			}
		}
	}
}

// TestSampleHuntIsSolvable solves each clue that can be solved by rule from its own text, as a team
// would.
func TestSampleHuntIsSolvable(t *testing.T) {
	h, err := Load(samplePath)
	if err != nil {
		t.Fatal(err)
	}
	for id, solve := range map[string]func(text string) string{
		"weather": initials,
		"bell":    morse,
		"drift":   func(text string) string { return shifted(letters(text)) },
		"stores":  counted,
		"crow": func(text string) string {
			return strings.Join(regexp.MustCompile(`c(row), (boat)men`).FindStringSubmatch(text)[1:], "")
		},
		"puffins": func(text string) string { return second(letters(text)) },
		"panes":   panes,
		"stairs":  rails,
		"lens":    func(text string) string { return turned(letters(text)) },
	} {
		c, _ := h.Clue(id)
		if got := solve(c.Text); !answer.Same(got, c.Answers[0]) {
			t.Errorf("clue %s solves to %q, its answer is %q", id, got, c.Answers[0])
		}
	}
	last := ""
	for _, c := range h.Clues[:11] {
		n, err := strconv.Atoi(regexp.MustCompile(`The lamp flashes (\d+) times?\.`).FindStringSubmatch(c.Text)[1])
		if err != nil {
			t.Fatal(err)
		}
		last += c.Answers[0][n-1 : n]
	}
	if !answer.Same(last, h.Clues[11].Answers[0]) {
		t.Errorf("the flashes spell %q, the last answer is %q", last, h.Clues[11].Answers[0])
	}
}

// initials takes the first letter of each line of the first paragraph.
func initials(text string) (out string) {
	paragraph, _, _ := strings.Cut(text, "\n\n")
	for line := range strings.Lines(paragraph) {
		out += line[:1]
	}
	return out
}

// letters finds the line of single capital letters.
func letters(text string) string {
	return strings.ReplaceAll(regexp.MustCompile(`(?m)^[A-Z]( [A-Z])+$`).FindString(text), " ", "")
}

func shifted(text string) string { return strings.Map(func(r rune) rune { return r - 3 }, text) }

func turned(text string) string { return strings.Map(func(r rune) rune { return 'A' + 'Z' - r }, text) }

func second(text string) (out string) {
	for i := 1; i < len(text); i += 2 {
		out += text[i : i+1]
	}
	return out
}

func morse(text string) (out string) {
	code := map[string]string{".-.": "r", "---": "o", ".--.": "p", ".": "e"}
	for _, line := range regexp.MustCompile(`(?m)^d[io]ng( d[io]ng)*$`).FindAllString(text, -1) {
		out += code[strings.NewReplacer("ding", ".", "dong", "-", " ", "").Replace(line)]
	}
	return out
}

func counted(text string) (out string) {
	for _, match := range regexp.MustCompile(`(?m)^(\d+) `).FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(match[1])
		out += string(rune('a' - 1 + n))
	}
	return out
}

func panes(text string) (out string) {
	for _, match := range regexp.MustCompile(`\b([1-5])([1-5])\b`).FindAllString(text, -1) {
		out += "abcdefghiklmnopqrstuvwxyz"[5*(match[0]-'1')+match[1]-'1':][:1]
	}
	return out
}

func rails(text string) (out string) {
	upper := strings.Fields(regexp.MustCompile(`upper rail   (.*)`).FindStringSubmatch(text)[1])
	lower := strings.Fields(regexp.MustCompile(`lower rail   (.*)`).FindStringSubmatch(text)[1])
	for i := range upper {
		out += upper[i] + lower[i]
	}
	return out
}

// TestDocumentedHunt: the example in the format's description is valid.
func TestDocumentedHunt(t *testing.T) {
	page, err := os.ReadFile("../../docs/hunt-file.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("no example on the page")
	}
	path := filepath.Join(t.TempDir(), "hunt.yaml")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
}
