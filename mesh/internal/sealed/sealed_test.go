package sealed

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type note struct {
	Text string `cbor:"1,keyasint"`
}

var notes = Format{Kind: "note", Version: 2, Max: 200, Remedy: "write it anew"}

func write(t *testing.T, f Format, path string, v any) {
	t.Helper()
	if err := f.Write(path, v); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	if err := MakeFolder(folder); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "note")
	for _, text := range []string{"first", "second, in its place"} {
		write(t, notes, path, note{text})
		var got note
		if err := notes.Read(path, &got); err != nil || got.Text != text {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if left := names(t, folder); !slices.Equal(left, []string{"note"}) {
		t.Errorf("the folder holds %q", left)
	}
	if err := Remove(path); err != nil {
		t.Error(err)
	}
	if err := notes.Read(path, &note{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func names(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// seal puts a checksum behind a document.
func seal(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return slices.Concat([]byte(text), sumHead, sum[:])
}

func TestWhatIsNotBelieved(t *testing.T) {
	encode := func(f Format, v any) []byte {
		data, err := f.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	good := encode(notes, note{"hello"})
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":            {nil, "checksum"},
		"a checksum alone": {good[len(good)-sumItem:], "checksum"},
		"cut in front":     {good[1:], "checksum"},
		"cut at the end":   {good[:len(good)-1], "checksum"},
		"too large":        {make([]byte, 201), "more than 200 bytes"},
		"another kind":     {encode(Format{Kind: "letter", Version: 2, Max: 200}, note{}), `"letter", not a note`},
		"another version":  {encode(Format{Kind: "note", Version: 3, Max: 200}, note{}), "version 3, this program knows 2"},
		"unknown fields":   {encode(notes, struct{ More int }{1}), "unknown field"},
		"another type":     {encode(notes, "text"), "cannot unmarshal"},
		"2^62 pairs":       {seal("\xA3\x01\x64note\x02\x02\x03\xBB\x40\x00\x00\x00\x00\x00\x00\x00"), "map"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "note")
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			err := notes.Read(path, &note{})
			damaged, ok := errors.AsType[*DamagedError](err)
			if !ok || damaged.Path != path {
				t.Fatalf("%v is not about the damage of %s", err, path)
			}
			for _, part := range []string{path, c.want, notes.Remedy} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
	for i := range good { // every single bit counts
		for bit := range 8 {
			changed := slices.Clone(good)
			changed[i] ^= 1 << bit
			if err := notes.Decode(changed, &note{}); err == nil {
				t.Fatalf("bit %d of byte %d changed, and the file is believed", bit, i)
			}
		}
	}
}

func TestAFailedWriteLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "note")
	if err := os.Mkdir(path, 0o700); err != nil { // a file cannot take the place of a folder
		t.Fatal(err)
	}
	if err := notes.Write(path, note{"hello"}); err == nil {
		t.Error("it was written")
	}
	if err := notes.Write(filepath.Join(folder, "large"), note{strings.Repeat("x", 200)}); err == nil || !strings.Contains(err.Error(), "at most 200") {
		t.Errorf("%v", err)
	}
	if left := names(t, folder); !slices.Equal(left, []string{"note"}) {
		t.Errorf("the folder holds %q", left)
	}
}

func TestSweep(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{".123.half-written", "123.half-written", ".hidden", "note"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(folder); err != nil {
		t.Fatal(err)
	}
	if left := names(t, folder); !slices.Equal(left, []string{".hidden", "123.half-written", "note"}) {
		t.Errorf("left are %q", left)
	}
	if err := Sweep(filepath.Join(folder, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
