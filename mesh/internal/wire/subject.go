package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// subjectTokens is how many tokens an event subject has: service, noun, verb.
const subjectTokens = 3

// nameByte tells which bytes a node's name and a token of an event subject consist of.
var nameByte = func() (table [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789-") {
		table[c] = true
	}
	return table
}()

// CheckSubject reports what is wrong with an event subject, or nil. A good one has exactly three
// tokens of a-z, 0-9 and dash, joined by dots, in at most MaxSubjectBytes: "clue.answer.judged".
func CheckSubject(s string) error {
	if validSubject(s) {
		return nil
	}
	if len(s) > MaxSubjectBytes {
		return fmt.Errorf("subject %s has %d bytes; at most %d are allowed", excerpt(s), len(s), MaxSubjectBytes)
	}
	if better := repaired(s); validSubject(better) {
		return fmt.Errorf("subject %q: a token consists of a-z, 0-9 and dash; %q would do", s, better)
	}
	tokens := strings.Split(s, ".")
	if len(tokens) != subjectTokens {
		return fmt.Errorf("subject %q has %d tokens; it must have exactly 3, <service>.<noun>.<verb>, like \"clue.answer.judged\"",
			s, len(tokens))
	}
	for i, token := range tokens {
		if err := checkToken(token); err != nil {
			return fmt.Errorf("subject %q, token %d: %w", s, i+1, err)
		}
	}
	return nil
}

// validSubject is CheckSubject's quick answer: it runs for each step of each message.
func validSubject[T ~string | ~[]byte](s T) bool {
	if len(s) > MaxSubjectBytes {
		return false
	}
	dots, start := 0, 0
	for i := 0; i < len(s); i++ {
		if nameByte[s[i]] {
			continue
		}
		if s[i] != '.' || i == start {
			return false
		}
		dots++
		start = i + 1
	}
	return dots == subjectTokens-1 && start < len(s)
}

// repaired is s with the usual slips put right: capitals, and underscores or blanks for dashes.
func repaired(s string) string {
	return strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(s))
}

// checkToken reports what is wrong with one literal token, or nil.
func checkToken(token string) error {
	if token == "" {
		return errors.New("it is empty; a token has at least one character of a-z, 0-9 and dash")
	}
	for i, c := range token {
		if c >= utf8.RuneSelf || !nameByte[c] {
			return fmt.Errorf("%q at byte %d is not allowed; a token consists of a-z, 0-9 and dash", c, i)
		}
	}
	return nil
}

// CheckPattern reports what is wrong with a pattern over event subjects, or nil. A pattern is a
// subject in which "*" may stand for one token and a last ">" for one or more, as in NATS. A
// pattern that no event subject can match is wrong, too.
func CheckPattern(s string) error {
	if len(s) > MaxSubjectBytes {
		return fmt.Errorf("pattern %s has %d bytes; at most %d are allowed", excerpt(s), len(s), MaxSubjectBytes)
	}
	tokens := strings.Split(s, ".")
	last := tokens[len(tokens)-1]
	if len(tokens) > subjectTokens || (len(tokens) < subjectTokens && last != ">") {
		return fmt.Errorf("pattern %q has %d tokens and matches no event subject; subjects have exactly 3: use \"clue.answer.*\" or \"clue.>\"",
			s, len(tokens))
	}
	for i, token := range tokens {
		if token == "*" || (token == ">" && i == len(tokens)-1) {
			continue
		}
		if token == ">" {
			return fmt.Errorf("pattern %q, token %d: \">\" may only be the last token; use \"*\" for one token in the middle", s, i+1)
		}
		if err := checkToken(token); err != nil {
			return fmt.Errorf("pattern %q, token %d: %w, or is a single \"*\"", s, i+1, err)
		}
	}
	return nil
}

// AppendSubject appends the NATS subject of an event to dst: the event subject, a dot and the key's
// token, always four tokens. It does not check: see CheckSubject and CheckKey.
func AppendSubject(dst []byte, eventSubject, key string) []byte {
	dst = append(dst, eventSubject...)
	dst = append(dst, '.')
	return AppendKey(dst, key)
}

// SplitSubject is the reverse of AppendSubject. Errors are ErrMalformed. It allocates only for a
// key that has escapes.
func SplitSubject(wireSubject string) (eventSubject, key string, err error) {
	dot := strings.LastIndexByte(wireSubject, '.')
	if dot < 0 {
		return "", "", malformed("subject %s has no key token; want four tokens", excerpt(wireSubject))
	}
	eventSubject = wireSubject[:dot]
	if !validSubject(eventSubject) {
		if validSubject(wireSubject) {
			return "", "", malformed("subject %s has no key token at its end: append .<key>, or .%s for the empty key", excerpt(wireSubject), EmptyKeyToken)
		}
		return "", "", malformed("subject %s: %w", excerpt(wireSubject), CheckSubject(eventSubject))
	}
	key, err = DecodeKey(wireSubject[dot+1:])
	if err != nil {
		return "", "", err
	}
	return eventSubject, key, nil
}
