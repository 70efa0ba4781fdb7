package huntfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/config"

	"pgregory.net/rapid"
)

const text = `id: small
title: A small hunt
limits: {guesses: 20, lockout: 10m}
finish:
  solves: 1
clues:
  - id: a
    title: A
    points: 1
    answers: [one, "1"]
    unlock: {start: true}
  - id: b
    title: B
    text: |
      Two lines,
      as they stand.
    points: 2
    answers:
      - two
    hints:
      - text: it is even
        cost: 1
    unlock:
      solves: 1
      after: [a]
`

// decode loads a text from a file named hunt.yaml and takes the folder out of the errors.
func decode(t *testing.T, text string) (*Hunt, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("hunt.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load("hunt.yaml")
}

func TestDecode(t *testing.T) {
	h, err := decode(t, text)
	if err != nil {
		t.Fatal(err)
	}
	want := &Hunt{ID: "small", Title: "A small hunt",
		Limits: Limits{Guesses: 20, Lockout: 10 * time.Minute},
		Finish: Finish{Solves: 1},
		Clues: []Clue{
			{ID: "a", Title: "A", Points: 1, Answers: []string{"one", "1"}, Unlock: Rule{Start: true}},
			{ID: "b", Title: "B", Text: "Two lines,\nas they stand.\n", Points: 2, Answers: []string{"two"},
				Hints: []Hint{{Text: "it is even", Cost: 1}}, Unlock: Rule{Solves: 1, After: []string{"a"}}},
		}}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("got  %+v\nwant %+v", h, want)
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"unknown key", "    points: 2", "    point: 2", "hunt.yaml:17: clues[1].point: unknown key"},
		{"unknown key at the top", "title: A small", "titel: A small", "hunt.yaml:2: titel: "},
		{"wrong type", "points: 2", "points: many", "hunt.yaml:17: "},
		{"duplicate key", "    points: 2", "    title: B", "hunt.yaml:17: "},
		{"no value", "points: 2", "points:", "hunt.yaml:17: clues[1].points: no value"},
		{"broken YAML", "answers: [one", "answers: [[one", "hunt.yaml:"},
		{"bad duration", "10m", "ten minutes", "hunt.yaml:3: limits.lockout: "},
		{"duplicate id", "- id: b", "- id: a", `hunt.yaml:12: clues[1].id: "a" is the id of clues[0] too; `},
		{"answer of nothing", `"1"`, `"!"`, `hunt.yaml:10: clues[0].answers[1]: nothing of "!" counts`},
		{"missing field", "    points: 1\n    answers: [one, \"1\"]\n", "    points: 1\n", "hunt.yaml:7: clues[0].answers: the clue has no answer"},
		{"cycle", "unlock: {start: true}", "unlock: {after: [b]}", "hunt.yaml:11: clues[0].unlock.after: nobody can reach this clue: it waits for itself (a → b → a)"},
		{"unknown clue", "after: [a]", "after: [z]", `hunt.yaml:25: clues[1].unlock.after[0]: no clue has the id "z"`},
		{"second document", "      after: [a]", "      after: [a]\n---\nid: x", "hunt.yaml:2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.Count(text, test.old) != 1 {
				t.Fatalf("%q is not unique in the text", test.old)
			}
			_, err := decode(t, strings.Replace(text, test.old, test.new, 1))
			e := (*config.FieldError)(nil)
			if !errors.As(err, &e) || e.Remedy == "" {
				t.Fatalf("error %v (%T) has no remedy", err, err)
			}
			if !strings.HasPrefix(e.Error(), test.want) {
				t.Errorf("error %q, want %q…", e, test.want)
			}
		})
	}
	for name, data := range map[string]string{"empty": "", "only a comment": "# nothing\n", "a list": "- 1\n", "too large": strings.Repeat("#", 2<<20)} {
		if _, err := decode(t, data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLoadMissing(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestWriteReadsBackEqual(t *testing.T) {
	h := small()
	h.Limits = Limits{Guesses: 5, Lockout: 90 * time.Second}
	h.Text = "Two lines:\n  \"quoted\", #hash\nand: a colon\n"
	// What YAML is known to take for something else.
	h.Clues[0].Answers = []string{"yes", "null", "1e3", "~", "- a", "0x1F", "'", "{a: b}", "🦉 + 1", " spaced ", "*star", "2018-03-16", "tab\there", "two\nlines"}
	h.Clues[0].Answers[3] = "~tilde"
	h.Clues[0].Answers[6] = "it's"
	path := filepath.Join(t.TempDir(), "hunt.yaml")
	if err := h.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, h) {
		t.Errorf("got  %+v\nwant %+v", got, h)
	}
}

// TestTextsReadBackEqual tries texts of the characters that YAML treats specially.
func TestTextsReadBackEqual(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		special := rapid.StringOfN(rapid.SampledFrom([]rune("a1 \t\n\r:#-'\"{}[]&*!|>%@`~?,\\\u00a0\u2028\u0085é🦉")), 0, 12, -1)
		h := small()
		h.Text = special.Draw(t, "text")
		h.Title = "T" + special.Draw(t, "title")
		h.Clues[0].Answers = []string{special.Draw(t, "answer") + "x"}
		path := filepath.Join(dir, "hunt.yaml")
		if err := h.Write(path); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Fatalf("got %+v, %v\nwant %+v", got, err, h)
		}
	})
}

func TestWriteRefusesWhatCanNotBeRead(t *testing.T) {
	h := small()
	h.Clues[0].Answers = nil
	dir := t.TempDir()
	if err := h.Write(filepath.Join(dir, "hunt.yaml")); err == nil {
		t.Error("no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// FuzzLoad: any file gives a valid hunt or an error, and a valid hunt reads back equal.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(text))
	f.Add([]byte("id: a\ntitle: A\nclues: []"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("\x00\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "hunt.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := Load(path)
		if err != nil {
			return
		}
		if err := h.Write(path); err != nil {
			t.Fatalf("a valid hunt cannot be written: %v", err)
		}
		if _, err := Load(path); err != nil {
			t.Fatalf("it does not read back: %v", err)
		}
	})
}
