package letters

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLetter reads any bytes as a letter's file; their checksum is made right, or
// the fuzzer would not get past it. What is read is written as the same letter.
func FuzzLetter(f *testing.F) {
	one := letter(1, "count")
	s, err := one.pack()
	if err != nil {
		f.Fatal(err)
	}
	good, err := format.Encode(&s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[:len(good)-sha256.Size-2])
	f.Fuzz(func(t *testing.T, text []byte) {
		sum := sha256.Sum256(text)
		file := append(append(bytes.Clone(text), 0x58, sha256.Size), sum[:]...)
		var s, again stored
		if format.Decode(file, &s) != nil {
			return
		}
		read, err := s.unpack()
		if err != nil {
			return
		}
		packed, err := read.pack()
		if err != nil {
			t.Fatalf("%x was read as %+v, which cannot be written: %v", text, read, err)
		}
		written, err := format.Encode(&packed)
		if err != nil {
			t.Fatalf("%x was read as %+v, which cannot be written: %v", text, read, err)
		}
		if err := format.Decode(written, &again); err != nil {
			t.Fatalf("%x: %v", written, err)
		}
		if _, err := again.unpack(); err != nil {
			t.Fatalf("%x: %v", written, err)
		}
		if second, err := format.Encode(&again); err != nil || !bytes.Equal(written, second) {
			t.Fatalf("%x, then %x, %v", written, second, err)
		}
	})
}

// Files that programs of this version wrote are read for ever: the format does
// not change without its version.
func TestAFileOfVersion1(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "version-1.letter"))
	if err != nil {
		t.Fatal(err)
	}
	var s stored
	if err := format.Decode(data, &s); err != nil {
		t.Fatal(err)
	}
	want := letter(1, "count")
	packed, err := want.pack()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := format.Encode(&packed); err != nil || !bytes.Equal(again, data) {
		t.Errorf("it is written as %x, %v; the file holds %x", again, err, data)
	}
}
