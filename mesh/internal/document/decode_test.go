package document

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// odd reads itself and dislikes 13.
type odd struct{ n int }

func (o *odd) UnmarshalYAML(read func(any) error) error {
	if err := read(&o.n); err != nil {
		return err
	}
	if o.n == 13 {
		return errors.New("unlucky")
	}
	return nil
}

type upset struct{}

func (*upset) UnmarshalYAML(ast.Node) error { panic("upset") }

type base struct {
	Kind string `yaml:"kind"`
}

type sample struct {
	Base    base             `yaml:",inline"`
	Text    string           `yaml:"text"`
	Flag    bool             `yaml:"flag"`
	Small   int8             `yaml:"small"`
	Count   uint16           `yaml:"count"`
	Ratio   float64          `yaml:"ratio"`
	Wait    time.Duration    `yaml:"wait"`
	Addr    netip.Addr       `yaml:"addr"`
	When    time.Time        `yaml:"when"`
	List    []string         `yaml:"list"`
	Table   map[string]int   `yaml:"table"`
	Nested  *sample          `yaml:"nested"`
	Rows    []base           `yaml:"rows"`
	Odd     odd              `yaml:"odd"`
	Upset   upset            `yaml:"upset"`
	Anyway  any              `yaml:"any"`
	Numbers map[int]string   `yaml:"numbers"`
	Func    func()           `yaml:"func"`
	Hidden  string           `yaml:"-"`
	NoTag   string           // The default key is under test.
	private string           `yaml:"private"` // Must not be a key.
	Deep    map[string]*base `yaml:"deep"`
}

func TestDecodeReadsEveryKind(t *testing.T) {
	const text = `# a comment
kind: inline   # and another
text: |
  two
  lines
flag: true
small: -128
count: 0xffff
ratio: 3
wait: 1m30s
addr: 127.0.0.1
when: 2018-03-30T12:00:00Z
list: [a, 'b', "c", yes]
table: {one: 1, "two words": 2}
nested: {text: "7", nested: {flag: false}}
rows:
- kind: first
-
- {}
odd: 4
any: {a: [1, x]}
notag: plain
deep: {a: {kind: b}, c:}
`
	kept := sample{Hidden: "kept", private: "kept", List: []string{"replaced", "by", "the", "file", "whole"}}
	lines, problems := Decode([]byte(text), &kept, Options{})
	if problems != nil {
		t.Fatal(problems)
	}
	want := sample{
		Base: base{Kind: "inline"}, Text: "two\nlines\n", Flag: true, Small: -128, Count: 65535, Ratio: 3, Wait: 90 * time.Second,
		Addr: netip.MustParseAddr("127.0.0.1"), When: time.Date(2018, 3, 30, 12, 0, 0, 0, time.UTC),
		List: []string{"a", "b", "c", "yes"}, Table: map[string]int{"one": 1, "two words": 2},
		Nested: &sample{Text: "7", Nested: &sample{}}, Rows: []base{{Kind: "first"}, {}, {}}, Odd: odd{4},
		Anyway: map[string]any{"a": []any{uint64(1), "x"}}, Hidden: "kept", private: "kept", NoTag: "plain", Deep: map[string]*base{"a": {Kind: "b"}, "c": nil},
	}
	if !reflect.DeepEqual(kept, want) {
		t.Errorf("got\n%+v, want\n%+v", kept, want)
	}
	for path, line := range map[string]int{
		"": 1, "kind": 2, "text": 3, "list[2]": 13, `table."two words"`: 14, "nested.nested.flag": 15, "rows[0].kind": 17,
		"rows[1]": 18, "rows[2]": 19, "nested.list[4].missing": 15, "missing.too": 1,
	} {
		if got := lines.Of(path); got != line {
			t.Errorf("%s is on line %d, want %d", path, got, line)
		}
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"small: 128":                  "1 small: the number is out of range",
		"small: -129":                 "1 small: the number is out of range",
		"count: -1":                   "1 count: the number is out of range",
		"count: 65536":                "1 count: the number is out of range",
		"small: 010":                  "1 small: the number has leading zeros, which some read as octal",
		"small: '010'":                "1 small: a text stands where a whole number belongs",
		"count: 08":                   "1 count: the number has leading zeros, which some read as octal",
		"count: 0_1":                  "1 count: the number has leading zeros, which some read as octal",
		"ratio: -01.5":                "1 ratio: the number has leading zeros, which some read as octal",
		"wait: 010s":                  "1 wait: the duration has leading zeros",
		"wait: '010s'":                "1 wait: the duration has leading zeros",
		"wait: 9999999h":              "1 wait: the duration is out of range",
		"any: {a: [1, 010]}":          "1 any: the number has leading zeros, which some read as octal",
		"odd: 013":                    "1 odd: the number has leading zeros, which some read as octal",
		"count: 99999999999999999999": "1 count: the number is out of range",
		"text: 010":                   "1 text: a whole number stands where a text belongs",
		"nested:\ntext: a\nsmal: 1":   "3 smal: unknown key (meant small)",
		"count: 1.5":                  "1 count: a number stands where a whole number belongs",
		"flag: yes":                   "1 flag: a text stands where true or false belongs",
		"flag: 1":                     "1 flag: a whole number stands where true or false belongs",
		"text: true":                  "1 text: true or false stands where a text belongs",
		"text: .inf":                  "1 text: a number stands where a text belongs",
		"text: [x]":                   "1 text: a list stands where a text belongs",
		"text: {x: y}":                "1 text: a mapping stands where a text belongs",
		"text: ~":                     "1 text: no value",
		"ratio: .nan":                 "1 ratio: a number stands where a finite number belongs",
		"ratio: '1'":                  "1 ratio: a text stands where a finite number belongs",
		"wait: 10":                    "1 wait: a whole number stands where a duration belongs",
		"wait: soon":                  "1 wait: a text stands where a duration belongs",
		"addr: nowhere":               `1 addr: ParseAddr("nowhere"): unable to parse IP`,
		"addr: [1]":                   "1 addr: a list stands where a single value belongs",
		"list: x":                     "1 list: a text stands where a list belongs",
		"list:\n- a\n- {b: c}":        "3 list[1]: a mapping stands where a text belongs",
		"table: [x]":                  "1 table: a list stands where a mapping belongs",
		"table: {a: x}":               "1 table.a: a text stands where a whole number belongs",
		"table: {a: 1, a: 2}":         "1 table.a: the key already stands on line 1",
		"numbers: {1: a}":             "1 numbers: a mapping stands where a mapping with text keys belongs",
		"nested: x":                   "1 nested: a text stands where a mapping belongs",
		"nested: {txt: x}":            "1 nested.txt: unknown key (meant nested.text)",
		"rows: [{kind: a}, 1]":        "1 rows[1]: a whole number stands where a mapping belongs",
		"odd: x":                      "1 odd: cannot unmarshal string into Go value of type int",
		"odd: 13":                     "1 odd: unlucky",
		"upset: 1":                    "1 upset: the value cannot be decoded",
		"m: {text: a, any: 1, x: 1}":  "1 m: unknown key; what stands under it belongs at the top level (meant text, any)",
		"mesh: {text: a, x: 1}":       "1 mesh: unknown key",
		"nested: {all: {text: a}}":    "1 nested.all: unknown key; what stands under it belongs beside it (meant nested.text)",
		"func: 1":                     "1 func: a whole number stands where a value of an unknown kind belongs",
		"private: x":                  "1 private: unknown key",
		"hidden: x":                   "1 hidden: unknown key",
		"\"a\\nb\": x":                `1 "a\nb": unknown key`,
		"- text":                      "1 : a list stands where a mapping belongs",
		"just text":                   "1 : a text stands where a mapping belongs",
		"text: a\n\ttext: b":          "2 : not YAML: found character '\t' that cannot start any token",
		"text: 'a":                    "1 : not YAML: could not find end character of single-quoted text",
		"<<: {text: a}":               "1 : merge keys are not allowed here",
		"? text\n: a":                 "1 : keys after a question mark are not allowed here",
		"%YAML 1.2\n---\nkind:":       "1 : directives are not allowed here",
		"---\n---\n":                  "2 : a second document begins here",
		"text: a\n...\nflag: 1":       "3 : a second document begins here",
		"text: \xff":                  "1 : the file is not UTF-8 text",
	} {
		_, problems := Decode([]byte(text), &sample{}, Options{})
		var got []string
		for _, p := range problems {
			line := fmt.Sprintf("%d %s: %s", p.Line, p.Path, p.Text)
			if len(p.Meant) > 0 {
				line += " (meant " + strings.Join(p.Meant, ", ") + ")"
			}
			got = append(got, line)
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, strings.Join(got, "\n     "), want)
		}
	}
}

func TestZerosThatANumberNeeds(t *testing.T) {
	var got sample
	if _, problems := Decode([]byte("small: 0\ncount: 0x10\nratio: 0.5\nwait: 0s\ntext: '010'\nany: 0o10\n"), &got, Options{}); problems != nil {
		t.Fatal(problems)
	}
	if got.Count != 16 || got.Ratio != 0.5 || got.Text != "010" || got.Anyway != uint64(8) {
		t.Errorf("%+v", got)
	}
}

type shelf struct {
	Size  string         `yaml:"size" remedy:"give it in metres"`
	Book  *book          `yaml:"book"`
	Table map[string]any `yaml:",inline"`
}

type book struct {
	Title string `yaml:"title"`
	Pages int    `yaml:"pages"`
	Size  string `yaml:"size"`
}

// Keys that stand beside the one they belong under are one mistake; so is each that both have.
func TestKeysBesideTheOneTheyBelongUnder(t *testing.T) {
	for text, want := range map[string]string{
		"size: a\nbook:\ntitle: b\npages: x\nsize: c\n": "2 book: nothing stands under the key, and beside it title, pages; indent what belongs under it by two spaces",
		"size: a\nbook:\nother: b\n":                    "", // nothing of it belongs there
		"size: 7\nbook: {title: b}\ntitle: c\n":         "1 size: a whole number stands where a text belongs; give it in metres",
		"book: {pages: many}":                           "1 book.pages: a text stands where a whole number belongs; write digits, as in 100",
		"book: {pages: '7'}":                            "1 book.pages: a text stands where a whole number belongs; write it without quotes",
	} {
		_, problems := Decode([]byte(text), &shelf{}, Options{})
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%d %s: %s; %s", p.Line, p.Path, p.Text, p.Remedy))
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, strings.Join(got, "\n     "), want)
		}
	}
}

func TestDecodeOfNothing(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "null", "\ufeff", "\ufeff# only a comment\n"} {
		if _, problems := Decode([]byte(text), &sample{}, Options{}); problems != nil {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

func TestOthersTakeWhatNoFieldHas(t *testing.T) {
	var got struct {
		Kind   string         `yaml:"kind"`
		Others map[string]any `yaml:",inline"`
	}
	_, problems := Decode([]byte("kind: a\nx: 1\ny: {z: b}\nx: 2\n"), &got, Options{})
	if len(problems) != 1 || problems[0].Line != 4 {
		t.Errorf("problems %v, want the second x alone", problems)
	}
	if want := map[string]any{"x": uint64(1), "y": map[string]any{"z": "b"}}; got.Kind != "a" || !reflect.DeepEqual(got.Others, want) {
		t.Errorf("got %+v", got)
	}
}

func TestOptionsSeeEveryValue(t *testing.T) {
	var seen []string
	options := Options{
		Visit: func(pointer any) {
			if b, ok := pointer.(*base); ok {
				seen = append(seen, b.Kind)
			}
		},
		Scalar: func(t reflect.Type, _ string) (string, string) {
			if t == reflect.TypeFor[base]() {
				return "no base", "none"
			}
			return "", ""
		},
	}
	_, problems := Decode([]byte("rows: [{kind: a}, b]\ndeep: {x: {kind: c}}\nnested: d\n"), &sample{}, options)
	if want := []string{"a", "", "c"}; !reflect.DeepEqual(seen, want) {
		t.Errorf("visited %q, want %q", seen, want)
	}
	if len(problems) != 2 || problems[0].Text != "no base" || problems[0].Remedy != "none" || problems[1].Text != "a text stands where a mapping belongs" {
		t.Errorf("problems %v", problems)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	for _, text := range []string{strings.Repeat("x: 1\n", 5000), "a: " + strings.Repeat("&a ", 5000)} {
		if _, problems := Decode([]byte(text), &sample{}, Options{}); len(problems) != maxProblems {
			t.Errorf("%d problems, want %d", len(problems), maxProblems)
		}
	}
}

// Without the bounds these take minutes or gigabytes.
func TestHostileFilesAreCheap(t *testing.T) {
	const size = MaxBytes / 8
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)) }
	var keys strings.Builder
	for i := 0; keys.Len() < size; i++ {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for name, test := range map[string]struct{ text, problem string }{
		"brackets":  {fill("["), "nested more than 64 deep"},
		"braces":    {fill("{a: "), "nested more than 64 deep"},
		"dashes":    {fill("- "), "nested more than 64 deep"},
		"questions": {fill("? "), "nested more than 64 deep"},
		"documents": {fill("---\na: 1\n"), "a second document begins here"},
		"keys":      {keys.String(), "more than 10000 keys"},
		"aliases":   {fill("*a "), "anchors and aliases are not allowed here"},
		"lines":     {"a: |\n" + fill("  x\n"), "unknown key"},
	} {
		_, problems := Decode([]byte(test.text), &sample{}, Options{})
		if problems == nil || !strings.Contains(problems[len(problems)-1].Text, test.problem) {
			t.Errorf("%s: problems %v, want one that says %q", name, problems, test.problem)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"name", "listen", "seed", "peers", "max_payload", "url"}
	for word, want := range map[string]string{
		"nmae": "name", "Name": "name", "names": "name", "lisen": "listen", "ulr": "url", "uri": "url", "max-payload": "max_payload",
		"maxpayload": "max_payload", "colour": "", "": "", "x": "", "port": "", strings.Repeat("name", 1000): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%.20s is nearest to %q, want %q", word, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	for path, parent := range map[string]string{"": "", "a": "", "a.b": "a", "a[1]": "a", "a[1].b": "a[1]", "a[1][2]": "a[1]"} {
		if got := Parent(path); got != parent {
			t.Errorf("parent of %q is %q, want %q", path, got, parent)
		}
	}
	for _, test := range [][3]string{{"", "a", "a"}, {"a", "", "a"}, {"a", "b", "a.b"}, {"a", "[1]", "a[1]"}, {"", "[1]", "[1]"}} {
		if got := Join(test[0], test[1]); got != test[2] {
			t.Errorf("%q and %q are %q, want %q", test[0], test[1], got, test[2])
		}
	}
}

// FuzzDecode: whatever the text, Decode returns, and each problem is on a line
// of it and says something.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"kind: a\nrows: [{kind: b}]\n", "nested: {nested: {table: {a: 1}}}", "text: |\n  a\nlist:\n- a\n- b\n",
		"any: {a: [1, x, {y: ~}]}", "a: &a [*a]", "? a\n: b", "---\n...\n---\n", "text: 'a", "odd: 13\nupset: 1\nwait: 5s", "\"\\u0000\": x", "<<: a", "!!x y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, problems := Decode([]byte(text), &sample{}, Options{})
		for _, p := range problems {
			if p.Line < 1 || p.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 || p.Text == "" {
				t.Errorf("%+v for %q", p, text)
			}
		}
	})
}
