package wire

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckSubject(t *testing.T) {
	good := []string{"clue.answer.judged", "a.b.c", "0.1-2.-", strings.Repeat("a", 124) + ".b.c"}
	for _, s := range good {
		if err := CheckSubject(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	bad := []struct{ subject, says string }{
		{"", "has 1 tokens"},
		{"clue", "exactly 3"},
		{"clue.answer", `like "clue.answer.judged"`},
		{"clue.answer.judged.twice", "has 4 tokens"},
		{"clue..judged", "token 2: it is empty"},
		{".answer.judged", "token 1: it is empty"},
		{"clue.answer.", "token 3: it is empty"},
		{"clue.Answer_Given.judged", `"clue.answer-given.judged" would do`},
		{"clue.answer.*", `token 3: '*' at byte 0`},
		{"clue.answer.>", `token 3: '>' at byte 0`},
		{"clue.antwört.judged", `token 2: 'ö' at byte 4`},
		{"clue.a\xFF.judged", "token 2"},
		{"clue.answer.judged\n", "token 3"},
		{strings.Repeat("a", 125) + ".b.c", "at most 128"},
		{strings.Repeat("a", 1<<20), "1048576 bytes"},
	}
	for _, test := range bad {
		err := CheckSubject(test.subject)
		if err == nil || !strings.Contains(err.Error(), test.says) || len(err.Error()) > 300 {
			t.Errorf("%s: %v; want one that says %q", excerpt(test.subject), err, test.says)
		}
	}
}

// The quick check, the explaining check and the grammar agree.
func TestCheckSubjectModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[a-z0-9.:-]{0,12}`), rapid.StringMatching(`[a-zA-Z0-9_é.-]{0,150}`), rapid.String(),
			rapid.StringMatching(`[a-z]{40,44}\.[a-z]{40,44}\.[a-z]{38,44}`)).Draw(t, "subject")
		want := len(s) <= MaxSubjectBytes && subjectForm.MatchString(s)
		if err := CheckSubject(s); (err == nil) != want || validSubject([]byte(s)) != want {
			t.Fatalf("%q: %v, quick %v; want %v", s, err, validSubject(s), want)
		}
		if err := CheckPattern(s); want && err != nil {
			t.Fatalf("%q is a subject and no pattern: %v", s, err)
		}
		step := rapid.StringMatching(`[a-z]{0,3}|[a-z]{62,66}`).Draw(t, "node") + rapid.SampledFrom([]string{":", ""}).Draw(t, "colon") + s
		node, _, _ := strings.Cut(step, ":")
		want = stepForm.MatchString(step) && len(step)-len(node)-1 <= MaxSubjectBytes
		if err := CheckStep(step); (err == nil) != want || validStep([]byte(step)) != want {
			t.Fatalf("step %q: %v, quick %v; want %v", step, err, validStep([]byte(step)), want)
		}
	})
}

func TestCheckNode(t *testing.T) {
	for _, name := range []string{"clue-1", "a", strings.Repeat("n", 64)} {
		if err := CheckNode(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, says := range map[string]string{"": "empty", "clue.1": "'.'", "Clue-1": "'C'", strings.Repeat("n", 65): "at most 64"} {
		if err := CheckNode(name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v; want one that says %q", name, err, says)
		}
	}
}

func TestCheckPattern(t *testing.T) {
	for _, p := range []string{"clue.answer.judged", "clue.answer.*", "*.*.*", "clue.>", "clue.answer.>", ">", "*.>", "clue.*.judged"} {
		if err := CheckPattern(p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	bad := []struct{ pattern, says string }{
		{"", "matches no event subject"},
		{"clue", `"clue.>"`},
		{"clue.answer", "has 2 tokens"},
		{"*.*", "has 2 tokens"},
		{"clue.answer.judged.>", "has 4 tokens"},
		{"clue.>.judged", `">" may only be the last token`},
		{">.>.>", "may only be the last"},
		{"clue.an*.judged", `token 2: '*' at byte 2`},
		{"clue.answer.>x", `token 3: '>'`},
		{"clue..*", "token 2: it is empty"},
		{strings.Repeat("a", 128) + ".>", "at most 128"},
	}
	for _, test := range bad {
		err := CheckPattern(test.pattern)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want one that says %q", excerpt(test.pattern), err, test.says)
		}
	}
}

func TestSplitSubject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subject := rapid.StringMatching(`[a-z0-9-]{1,9}\.[a-z0-9-]{1,9}\.[a-z0-9-]{1,9}`).Draw(t, "subject")
		key := drawKey(t)
		whole := string(AppendSubject([]byte("x"), subject, key))[1:]
		if strings.Count(whole, ".") != 3 {
			t.Fatalf("%q has not four tokens", whole)
		}
		gotSubject, gotKey, err := SplitSubject(whole)
		if err != nil || gotSubject != subject || gotKey != key {
			t.Fatalf("%q: %q, %q, %v", whole, gotSubject, gotKey, err)
		}
	})
	for _, bad := range []string{
		"", "...", "clue", "clue.answer.judged", "clue.answer.judged.", "clue.answer.judged.a.b", "Clue.answer.judged.a", "clue.answer.judged.a b",
	} {
		if subject, key, err := SplitSubject(bad); !errors.Is(err, ErrMalformed) || subject != "" || key != "" {
			t.Errorf("%q: %q, %q, %v", bad, subject, key, err)
		}
	}
}
