package wire

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// The examples of docs/wire.md.
var keyExamples = []struct{ key, token string }{
	{"", "%"},
	{"Team-7_b", "Team-7_b"},
	{"Team 7", "Team%207"},
	{"a.b", "a%2Eb"},
	{"100%", "100%25"},
	{"%", "%25"},
	{"*", "%2A"},
	{">", "%3E"},
	{`the "A" team`, "the%20%22A%22%20team"},
	{"Łódź", "%C5%81%C3%B3d%C5%BA"},
	{"🧩", "%F0%9F%A7%A9"},
	{"a\nb", "a%0Ab"},
	{"\x00", "%00"},
}

func TestKeyExamples(t *testing.T) {
	for _, example := range keyExamples {
		if got := string(AppendKey([]byte("x."), example.key)); got != "x."+example.token {
			t.Errorf("AppendKey(%q) = %q; want %q", example.key, got, example.token)
		}
		if got, err := DecodeKey(example.token); err != nil || got != example.key {
			t.Errorf("DecodeKey(%q) = %q, %v; want %q", example.token, got, err, example.key)
		}
	}
}

func TestDecodeKeyRefuses(t *testing.T) {
	tests := []struct {
		token, says string
		is          error
	}{
		{"", "empty", nil},
		{"%%", "cut short", nil},
		{"a%", "cut short", nil},
		{"a%2", "cut short", nil},
		{"a%2e", "upper-case", nil},
		{"a%G0", "upper-case", nil},
		{"%41", `'A' at byte 0 is escaped`, nil},
		{"%5F", `'_' at byte 0 is escaped`, nil},
		{"a b", "byte 1 must be escaped", nil},
		{"a.b", "byte 1 must be escaped", nil},
		{"%20*", "byte 3 must be escaped", nil},
		{"é", "byte 0 must be escaped", nil},
		{"%FF", "not valid UTF-8", ErrKeyNotUTF8},
		{"%ED%A0%80", "not valid UTF-8", ErrKeyNotUTF8}, // half of a surrogate pair
		{strings.Repeat("k", MaxKeyBytes+1), "longer than 1024", ErrKeyTooLong},
		{strings.Repeat("%20", MaxKeyBytes) + "k", "longer than 1024", ErrKeyTooLong},
		{strings.Repeat("%", 1<<20), "longer than 1024", ErrKeyTooLong},
	}
	for _, test := range tests {
		key, err := DecodeKey(test.token)
		if !errors.Is(err, ErrMalformed) || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.says) || key != "" {
			t.Errorf("%s: %q, %v; want an error that says %q", excerpt(test.token), key, err, test.says)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("%s: an error of %d bytes", excerpt(test.token), len(err.Error()))
		}
	}
}

func TestCheckKey(t *testing.T) {
	if err := CheckKey(strings.Repeat("k", MaxKeyBytes)); err != nil {
		t.Error(err)
	}
	if err := CheckKey(strings.Repeat("k", MaxKeyBytes+1)); !errors.Is(err, ErrKeyTooLong) || errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if err := CheckKey("\xC3("); !errors.Is(err, ErrKeyNotUTF8) {
		t.Error(err)
	}
}

// The longest subject there is fits into one line of the NATS protocol with room for its other
// fields.
func TestLongestSubject(t *testing.T) {
	whole := AppendSubject(nil, strings.Repeat("a", 124)+".b.c", strings.Repeat("🧩", MaxKeyBytes/4))
	if len(whole) != 3201 {
		t.Errorf("%d bytes; limits.go says 3,201", len(whole))
	}
}

func TestKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkKeyRoundTrip(t, drawKey(t)) })
}

// checkKeyRoundTrip takes s for a key.
func checkKeyRoundTrip(t interface{ Fatalf(string, ...any) }, s string) {
	token := string(AppendKey(nil, s))
	if !tokenForm.MatchString(token) || len(token) > max(1, 3*len(s)) {
		t.Fatalf("key %q has token %q", s, token)
	}
	back, err := DecodeKey(token)
	good := len(s) <= MaxKeyBytes && utf8.ValidString(s)
	if (CheckKey(s) == nil) != good || (err == nil) != good || (good && back != s) {
		t.Fatalf("key %q: token %q: %q, %v", s, token, back, err)
	}
	if err != nil && !errors.Is(err, ErrMalformed) {
		t.Fatalf("key %q: %v is not ErrMalformed", s, err)
	}
}

// FuzzKey takes its input for a key, and for a token: only the token that a key gives decodes.
func FuzzKey(f *testing.F) {
	for _, example := range keyExamples {
		f.Add(example.key)
		f.Add(example.token)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkKeyRoundTrip(t, s)
		key, err := DecodeKey(s)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || len(err.Error()) > 400 {
				t.Fatalf("token %q: %v", s, err)
			}
			return
		}
		if again := string(AppendKey(nil, key)); again != s {
			t.Fatalf("token %q decodes to %q, whose token is %q", s, key, again)
		}
	})
}
