package bookmark

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh/internal/sealed"
)

const solved, taken = "clue.clue.solved", "clue.hint.taken"

var one = Place{"clue-1", solved}

func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		remembered Marks
		found      Mark
		want       Kind
		was        Mark
		from       string
		says       []string
	}{
		"nothing is remembered":                       {nil, Mark{"a", 7}, New, Mark{}, "", []string{"clue-1", solved, "not read"}},
		"an empty new stream":                         {Marks{}, Mark{"a", 0}, New, Mark{}, "", []string{"not read"}},
		"another type of the same peer is remembered": {Marks{{"clue-1", taken}: {"a", 3}}, Mark{"a", 7}, New, Mark{}, "", nil},
		"another peer has another stream":             {Marks{{"clue-2", solved}: {"b", 3}}, Mark{"a", 7}, New, Mark{}, "", nil},
		"nothing new":                                 {Marks{one: {"a", 7}}, Mark{"a", 7}, Same, Mark{"a", 7}, "", []string{"7 of 7"}},
		"more":                                        {Marks{one: {"a", 7}}, Mark{"a", 9}, Same, Mark{"a", 7}, "", []string{"7 of 9"}},
		"one less":                                    {Marks{one: {"a", 7}}, Mark{"a", 6}, Restored, Mark{"a", 7}, "", []string{"clue-1", "ends at 6", "up to 7", solved}},
		"the same identity, all gone":                 {Marks{one: {"a", 7}}, Mark{"a", 0}, Restored, Mark{"a", 7}, "", []string{"ends at 0"}},
		"another identity, shorter":                   {Marks{one: {"a", 7}}, Mark{"b", 2}, Wiped, Mark{"a", 7}, "", []string{"clue-1", `"b"`, `"a"`, "up to 7"}},
		"another identity, longer":                    {Marks{one: {"a", 7}}, Mark{"b", 70}, Wiped, Mark{"a", 7}, "", nil},
		"a new name": {Marks{{"clue-9", solved}: {"a", 7}}, Mark{"a", 8}, Renamed, Mark{"a", 7}, "clue-9",
			[]string{"clue-1", "clue-9", "twice"}},
		"a new name, and an old copy": {Marks{{"clue-9", solved}: {"a", 7}}, Mark{"a", 3}, Renamed, Mark{"a", 7}, "clue-9",
			[]string{"clue-9", "ends at 3", "up to 7"}},
		"a new name, known by another type": {Marks{{"clue-9", taken}: {"a", 7}}, Mark{"a", 3}, Renamed, Mark{"a", 0}, "clue-9", nil},
		"a new name, whose type has another stream": {Marks{{"clue-9", taken}: {"a", 7}, {"clue-9", solved}: {"b", 5}}, Mark{"a", 3},
			Renamed, Mark{"a", 0}, "clue-9", nil},
		"it took another's place": {Marks{one: {"a", 7}, {"clue-2", solved}: {"b", 5}}, Mark{"b", 6}, Renamed, Mark{"b", 5}, "clue-2", nil},
		"another has a copy of it": {Marks{one: {"a", 7}, {"clue-2", solved}: {"a", 5}}, Mark{"a", 7}, Same, Mark{"a", 7}, "",
			nil},
		"several others had it": {Marks{{"clue-3", solved}: {"a", 7}, {"clue-2", solved}: {"a", 5}, {"clue-4", solved}: {"a", 6}}, Mark{"a", 9},
			Renamed, Mark{"a", 5}, "clue-2", nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(c.remembered)
			got := Compare(c.remembered, one, c.found)
			if want := (Finding{c.want, one, c.found, c.was, c.from}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			for _, part := range c.says {
				if !strings.Contains(got.String(), part) {
					t.Errorf("%q does not say %q", got, part)
				}
			}
			if !maps.Equal(before, c.remembered) {
				t.Error("the marks were changed")
			}
		})
	}
}

func TestKindsHaveNames(t *testing.T) {
	names := ""
	for k := range Renamed + 2 {
		names += k.String() + " "
	}
	if names != "same new wiped restored renamed kind 5 " {
		t.Errorf("%q", names)
	}
}

func TestMarksOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "bookmark")
	if none, err := Load(path); err != nil || len(none) != 0 || none == nil {
		t.Errorf("a missing file: %v, %v", none, err)
	}
	for _, want := range []Marks{
		{},
		{one: {"a", 1}},
		{one: {"a", 1<<64 - 1}, {"clue-1", taken}: {"a", 0}, {"clue-2", solved}: {"2024-02-29T12:00:00Z", 5}},
	} {
		if err := want.Save(path); err != nil {
			t.Fatal(err)
		}
		if got, err := Load(path); err != nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
}

func TestADamagedFileIsNoEmptyOne(t *testing.T) {
	mark := stored{"clue-1", solved, "a", 7}
	for name, c := range map[string]struct {
		write func(path string) error
		want  string
	}{
		"empty":       {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "checksum"},
		"a stranger":  {func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("hello", 20)), 0o600) }, "checksum"},
		"a letter":    {func(path string) error { return sealed.Format{Kind: "letter", Version: 1, Max: 99}.Write(path, 1) }, `"letter"`},
		"twice":       {func(path string) error { return format.Write(path, []stored{mark, mark}) }, "twice"},
		"no identity": {func(path string) error { return format.Write(path, []stored{{Peer: "clue-1", Subject: solved}}) }, "not valid"},
		"a long identity": {func(path string) error {
			return format.Write(path, []stored{{"clue-1", solved, strings.Repeat("x", 257), 1}})
		}, "not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bookmark")
			if err := c.write(path); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			if _, ok := errors.AsType[*sealed.DamagedError](err); !ok {
				t.Fatalf("%v", err)
			}
			for _, part := range []string{path, c.want, "move it away"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestSaveRefusesWhatLoadWould(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bookmark")
	many := Marks{}
	for i := range maxMarks {
		many[Place{fmt.Sprintf("%s-%d", strings.Repeat("n", 58), i), strings.Repeat("s", 128)}] = Mark{strings.Repeat("x", maxStreamBytes), uint64(i)}
	}
	if err := many.Save(path); err != nil {
		t.Errorf("the largest marks: %v", err)
	}
	if got, err := Load(path); err != nil || !maps.Equal(got, many) {
		t.Errorf("the largest marks are read as %d, %v", len(got), err)
	}
	many[one] = Mark{"a", 1}
	if err := many.Save(path); err == nil {
		t.Error("one too many was saved")
	}
	for _, stream := range []string{"", "\xff"} {
		if err := (Marks{one: {Stream: stream}}).Save(path); err == nil || !strings.Contains(err.Error(), "clue-1") {
			t.Errorf("a mark of stream %q: %v", stream, err)
		}
	}
	if got, err := Load(path); err != nil || len(got) != maxMarks {
		t.Errorf("what was refused changed the file: %d marks, %v", len(got), err)
	}
}
