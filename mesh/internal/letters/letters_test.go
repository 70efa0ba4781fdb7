package letters

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leafmesh/mesh/internal/sealed"
	"leafmesh/mesh/internal/wire"
)

var noon = time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC)

// letter makes one; n tells them apart.
func letter(n int, handler string) Letter {
	return Letter{ID: [16]byte{1, 15: byte(n)}, Handler: handler, Peer: "clue-1", Subject: "clue.clue.solved", Tries: 3,
		Error: "no such team", At: noon.Add(time.Duration(n) * time.Second), Message: []byte{0x81, byte(n)}}
}

func openTest(t testing.TB, max int) (*Letters, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "dead letters")
	return open(t, folder, max), folder
}

func open(t testing.TB, folder string, max int) *Letters {
	t.Helper()
	l, err := Open(folder, max)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func put(t testing.TB, l *Letters, letters ...Letter) {
	t.Helper()
	for _, one := range letters {
		if err := l.Put(one); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALetterOutlivesTheProcess(t *testing.T) {
	l, folder := openTest(t, 10)
	second, first := letter(2, "count"), letter(1, `odd "name" / of a handler`)
	second.At = second.At.In(time.FixedZone("here", 3600))
	put(t, l, second, first)
	l = open(t, folder, 10)
	list, err := l.List()
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	second.At = second.At.UTC()
	for i, want := range []Letter{first, second} {
		got, err := l.Get(list[i].Key)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		if !reflect.DeepEqual(list[i], want.summary()) {
			t.Errorf("summary %+v, want %+v", list[i], want.summary())
		}
	}
	if l.Len() != 2 || !l.Oldest().Equal(first.At) {
		t.Errorf("%d letters, the oldest from %v", l.Len(), l.Oldest())
	}
}

func TestOnlyTheOwnerReads(t *testing.T) {
	l, folder := openTest(t, 10)
	put(t, l, letter(1, "count"))
	for path, want := range map[string]os.FileMode{folder: 0o700, l.path(KeyOf(letter(1, "").ID, "count")): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %v", path, info.Mode(), err, want)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Letter)
		want   string
	}{
		"no id":          {func(l *Letter) { l.ID = [16]byte{} }, "no event id"},
		"a long handler": {func(l *Letter) { l.Handler = strings.Repeat("x", MaxHandlerBytes+1) }, "handler"},
		"a long peer":    {func(l *Letter) { l.Peer = strings.Repeat("x", wire.MaxNodeBytes+1) }, "peer"},
		"a long subject": {func(l *Letter) { l.Subject = strings.Repeat("x", wire.MaxSubjectBytes+1) }, "subject"},
		"a large event":  {func(l *Letter) { l.Message = make([]byte, maxMessageBytes+1) }, "event"},
		"no UTF-8":       {func(l *Letter) { l.Handler = "\xff" }, "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := openTest(t, 10)
			one := letter(1, "count")
			c.change(&one)
			if err := l.Put(one); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one about the %s", err, c.want)
			}
			if l.Len() != 0 {
				t.Error("it was kept")
			}
		})
	}
}

func TestTheLargestLetterFits(t *testing.T) {
	l, _ := openTest(t, 10)
	one := letter(1, strings.Repeat("h", MaxHandlerBytes))
	one.Peer, one.Subject = strings.Repeat("p", wire.MaxNodeBytes), strings.Repeat("s", wire.MaxSubjectBytes)
	one.Error, one.Message = strings.Repeat("\xff", MaxErrorBytes+9), bytes.Repeat([]byte{7}, maxMessageBytes)
	put(t, l, one)
	got, err := l.Get(one.Key())
	if err != nil || !bytes.Equal(got.Message, one.Message) || got.Error == "" {
		t.Errorf("%v; error text %.40q", err, got.Error)
	}
	if info, err := os.Stat(l.path(one.Key())); err != nil || info.Size() > l.bytes || info.Size() < l.bytes-headBytes {
		t.Errorf("%v; its file has %d bytes, counted were %d", err, info.Size(), l.bytes)
	}
}

func TestKeysFromOutside(t *testing.T) {
	l, folder := openTest(t, 10)
	outside := filepath.Join(filepath.Dir(folder), "secret"+ending)
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := string(KeyOf(letter(1, "").ID, "count"))
	for _, key := range []string{"", "..", "../secret", good, strings.ToUpper(good), good + "0", good[1:], "/" + good, good[:33], good[:33] + "/" + good[34:]} {
		if _, err := l.Get(Key(key)); !errors.Is(err, ErrNotFound) {
			t.Errorf("get %q: %v", key, err)
		}
		if err := l.Drop(Key(key)); !errors.Is(err, ErrNotFound) {
			t.Errorf("drop %q: %v", key, err)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}

func TestADamagedLetterHidesNoOther(t *testing.T) {
	for name, damage := range map[string]func(path string, content []byte) error{
		"a byte":  func(path string, c []byte) error { c[20] ^= 1; return os.WriteFile(path, c, 0o600) },
		"the sum": func(path string, c []byte) error { c[len(c)-1] ^= 1; return os.WriteFile(path, c, 0o600) },
		"cut":     func(path string, c []byte) error { return os.WriteFile(path, c[:len(c)/2], 0o600) },
		"empty":   func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
		"longer":  func(path string, c []byte) error { return os.WriteFile(path, append(c, 0), 0o600) },
		"huge":    func(path string, _ []byte) error { return os.Truncate(path, 1<<40) },
		"another": func(path string, c []byte) error {
			l := letter(3, "count")
			s, _ := l.pack()
			return format.Write(path, &s)
		},
		"a folder": func(path string, _ []byte) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			l, folder := openTest(t, 2)
			bad, good := letter(1, "count"), letter(2, "count")
			put(t, l, bad, good)
			path := l.path(bad.Key())
			content, err := os.ReadFile(path)
			if err == nil {
				err = damage(path, content)
			}
			if err != nil {
				t.Fatal(err)
			}
			l = open(t, folder, 2)
			list, err := l.List()
			if len(list) != 1 || list[0].Key != good.Key() || l.Len() != 2 || !l.Oldest().Equal(good.At) {
				t.Errorf("listed %+v; %d letters, the oldest from %v", list, l.Len(), l.Oldest())
			}
			for what, err := range map[string]error{"list": err, "get": second(l.Get(bad.Key()))} {
				if err == nil || !strings.Contains(err.Error(), path) {
					t.Errorf("%s: the error does not name the file %s: %v", what, path, err)
				}
				damaged, ok := errors.AsType[*sealed.DamagedError](err)
				if name != "a folder" && (!ok || !strings.Contains(damaged.Error(), "drop it")) {
					t.Errorf("%s: the error does not give the remedy: %v", what, err)
				}
			}
			if err := l.Put(letter(4, "count")); !errors.Is(err, ErrFull) {
				t.Errorf("a damaged letter's place was taken: %v", err)
			}
			if err := l.Drop(bad.Key()); err != nil {
				t.Error(err)
			}
			if _, err := l.List(); err != nil || l.Len() != 1 {
				t.Errorf("%v; %d letters after the drop", err, l.Len())
			}
		})
	}
}

func second[A, B any](_ A, b B) B { return b }

func TestStrangersAreTold(t *testing.T) {
	l, folder := openTest(t, 2)
	for name, told := range map[string]bool{"copy of a" + ending: true, "README": false} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := l.List()
		if (err != nil && strings.Contains(err.Error(), path)) != told {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFailedPutCostsNoLetter(t *testing.T) {
	l, folder := openTest(t, 3)
	before := letter(1, "count")
	put(t, l, before)
	if err := os.Rename(folder, folder+" away"); err != nil { // root may write anywhere, so that a mode would stop nothing
		t.Fatal(err)
	}
	after := before
	after.Tries++
	if err := l.Put(after); err == nil {
		t.Fatal("it was put nowhere")
	}
	if err := os.Rename(folder+" away", folder); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Get(before.Key()); err != nil || got.Tries != before.Tries {
		t.Errorf("%+v, %v", got, err)
	}
	put(t, l, after)
}

func TestOpenNamesTheFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, 1); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

// model is a folder of letters written to be plain.
type model struct {
	max     int
	letters map[Key]Letter
}

// TestAgainstModel does the same to a folder and to a map, and opens the folder
// anew now and then.
func TestAgainstModel(t *testing.T) {
	root := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		folder := filepath.Join(root, fmt.Sprint(runs))
		m := model{max: rapid.IntRange(1, 4).Draw(t, "max"), letters: map[Key]Letter{}}
		l, err := Open(folder, m.max)
		if err != nil {
			t.Fatal(err)
		}
		draw := func() Letter {
			one := letter(rapid.IntRange(1, 3).Draw(t, "event"), rapid.SampledFrom([]string{"count", "tell"}).Draw(t, "handler"))
			one.Tries = rapid.IntRange(1, 9).Draw(t, "tries")
			one.At = noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "at")))
			return one
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				one := draw()
				_, replaced := m.letters[one.Key()]
				full := !replaced && len(m.letters) >= m.max
				if err := l.Put(one); errors.Is(err, ErrFull) != full || (err != nil) != full {
					t.Fatalf("put: %v, full %v", err, full)
				}
				if !full {
					m.letters[one.Key()] = one
				}
			},
			"drop": func(t *rapid.T) {
				key := draw().Key()
				_, found := m.letters[key]
				if err := l.Drop(key); errors.Is(err, ErrNotFound) == found || (err == nil) != found {
					t.Fatalf("drop: %v, found %v", err, found)
				}
				delete(m.letters, key)
			},
			"get": func(t *rapid.T) {
				key := draw().Key()
				want, found := m.letters[key]
				got, err := l.Get(key)
				if (err == nil) != found || !reflect.DeepEqual(got, want) {
					t.Fatalf("got %+v, %v; want %+v, %v", got, err, want, found)
				}
			},
			"open": func(t *rapid.T) {
				if l, err = Open(folder, m.max); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) { compare(t, l, m) },
		})
	})
}

func compare(t *rapid.T, l *Letters, m model) {
	wanted := slices.SortedFunc(maps.Values(m.letters), func(a, b Letter) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(string(a.Key()), string(b.Key()))
	})
	want, oldest := []Summary(nil), time.Time{}
	for i, one := range wanted {
		want = append(want, one.summary())
		if i == 0 {
			oldest = one.At
		}
	}
	got, err := l.List()
	if err != nil || !reflect.DeepEqual(got, want) || l.Len() != len(want) || !l.Oldest().Equal(oldest) {
		t.Fatalf("listed %+v, %v, %d, %v; want %+v, %v", got, err, l.Len(), l.Oldest(), want, oldest)
	}
}
