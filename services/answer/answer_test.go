package answer

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNormalize(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "halt", "halt"},
		{"case", "HaLT", "halt"},
		{"spaces and punctuation", " The New-York  Times! ", "thenewyorktimes"},
		{"tabs and newlines", "a\tb\r\nc\v\f", "abc"},
		{"control characters", "a\x00b\x7fc\u0085d", "abcd"},
		{"only punctuation", "...?!“”—", ""},
		{"ellipsis and dots are both nothing", "a…b...c", "abc"},
		{"digits", "24601", "24601"},
		{"ASCII symbols stay", "C++ = $5", "c++=$5"},
		{"number sign is punctuation", "C#", "c"},
		{"full width", "ＨＡＬＴ", "halt"},
		{"ligature", "ﬁsh", "fish"},
		{"sharp s", "STRASSE straße", "strassestrasse"},
		{"final sigma", "ΟΔΟΣ οδός", "οδοσοδόσ"},
		{"composed accents", "cafe\u0301", "café"},
		{"accents stay", "café", "café"},
		{"space apart from its accent", "cafe \u0301", "café"},
		{"superscript", "x²", "x2"},
		{"fraction", "½", "1⁄2"},
		{"roman numeral", "Ⅷ", "viii"},
		{"kelvin sign", "273 \u212A", "273k"},
		{"Turkish dotted I", "İ", "i̇"},
		{"emoji", "🦉 🔑", "🦉🔑"},
		{"emoji with and without presentation", "❤\ufe0f", "❤"},
		{"joined emoji", "👨\u200d🍳", "👨🍳"},
		{"skin tone stays", "👍🏽", "👍🏽"},
		{"zero width and soft hyphen", "a\u200bb\u00adc\ufeffd\u2060", "abcd"},
		{"bidirectional marks", "\u202eabc\u202c", "abc"},
		{"no-break space", "a\u00a0b\u3000c\u2028d", "abcd"},
		{"Hangul fillers", "a\u3164\u115fb\uffa0", "ab"},
		{"Devanagari", "नमस्ते", "नमस्ते"},
		{"Chinese punctuation", "你好，世界。", "你好世界"},
		{"katakana half width", "ｱﾊﾟｰﾄ", "アパート"},
		{"not UTF-8", "a\xffb\xc3", "ab"},
		{"replacement character", "a\ufffdb", "ab"},
		{"tag characters", "a\U000e0041\U000e007f", "a"},
		{"unassigned stays, it may be next year's emoji", "\U0001faff\U0001fad9", "\U0001faff\U0001fad9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Normalize(test.in); got != test.want {
				t.Errorf("Normalize(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func TestSame(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"GOOD ENOUGH", "good-enough", true},
		{"halt", "halts", false},
		{"", "", false},
		{"...", "...", false}, // nothing matches nothing
		{"!", "", false},
		{"🦉", "🦉\ufe0f", true},
	} {
		if got := Same(test.a, test.b); got != test.want {
			t.Errorf("Same(%q, %q) = %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

// FuzzNormalize: idempotent, valid UTF-8, blind to case, spaces and punctuation, and equal on both
// paths for ASCII.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"", "HALT", "ﬁsh  ½…", "İI\u0307ıi", "e \u0301\u00a8", "ΐ\u0390ΰ", "\u1e9eß", "ᾳͅ\u0345", "각\u1100 \u1161", "\ufdfa", "\xff\u0378", "👩🏽\u200d🚀", "W\xc6&\xf1¨"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Normalize(s)
		if again := Normalize(n); again != n {
			t.Errorf("Normalize(%q) = %q, but again %q", s, n, again)
		}
		if !utf8.ValidString(n) {
			t.Errorf("Normalize(%q) = %q is not UTF-8", s, n)
		}
		if strings.ContainsAny(n, " \t\n.,;:!?-_'\"()[]{}#%&*/\\@") {
			t.Errorf("Normalize(%q) = %q holds what does not count", s, n)
		}
		if decorated := Normalize(" ¡" + s + "\u200b!\n"); decorated != n {
			t.Errorf("Normalize(%q) = %q, but decorated %q", s, n, decorated)
		}
		if short, ok := normalizeASCII(s); ok && Normalize(short+"é") != short+"é" {
			t.Errorf("the short way gives %q for %q, the long way does not keep it", short, s)
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	for _, text := range []string{"BESTSELLINGCRIMENOVEL", "pride & accomplishment", "крокодил Гена"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Normalize(text)
			}
		})
	}
}
