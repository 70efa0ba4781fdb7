package wire

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// EmptyKeyToken is the token of the empty key: NATS has no empty tokens. No other key gives it, for
// elsewhere a "%" is followed by two digits.
const EmptyKeyToken = "%"

const upperHex = "0123456789ABCDEF"

// plainKeyByte tells which bytes of a key stand for themselves in its token: A-Z, a-z, 0-9, "_" and
// "-".
var plainKeyByte = func() (table [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") {
		table[c] = true
	}
	return table
}()

// hexValue is the value of an upper-case hex digit, 0xFF for every other byte.
var hexValue = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xFF
	}
	for i := range len(upperHex) {
		table[upperHex[i]] = byte(i)
	}
	return table
}()

// CheckKey reports what is wrong with a key, or nil: ErrKeyTooLong for more than MaxKeyBytes,
// ErrKeyNotUTF8 for invalid UTF-8. Every other string is a key, the empty one included.
func CheckKey(key string) error {
	if len(key) > MaxKeyBytes {
		return fmt.Errorf("%w: it has %d", ErrKeyTooLong, len(key))
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("%w: %s", ErrKeyNotUTF8, excerpt(key))
	}
	return nil
}

// AppendKey appends a key's token to dst: A-Z, a-z, 0-9, "_" and "-" stay, every other byte becomes
// "%" and two upper-case hex digits, and the empty key is "%". The token is pure ASCII without
// dots, blanks or wildcards, at most three times as long as the key. Different strings give
// different tokens. It does not check: the token of a bad key (see CheckKey) does not decode.
func AppendKey(dst []byte, key string) []byte {
	if key == "" {
		return append(dst, EmptyKeyToken...)
	}
	for i := 0; i < len(key); i++ {
		c := key[i]
		if plainKeyByte[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&0xF])
		}
	}
	return dst
}

// DecodeKey is the reverse of AppendKey. Only what AppendKey makes of a good key decodes: a
// needless escape ("%41"), lower-case hex or a stray byte is refused, so that one key has one
// token. Errors are ErrMalformed; for a bad key ErrKeyTooLong or ErrKeyNotUTF8, too. It allocates
// only where the token has escapes.
func DecodeKey(token string) (string, error) {
	switch {
	case token == EmptyKeyToken:
		return "", nil
	case token == "":
		return "", malformed("key token is empty; the empty key's token is %q", EmptyKeyToken)
	case len(token) > 3*MaxKeyBytes:
		return "", malformed("%w: its token has %d bytes", ErrKeyTooLong, len(token))
	}
	key := token
	if strings.IndexByte(token, '%') >= 0 {
		buffer, err := unescapeKey(make([]byte, 0, len(token)), token)
		if err != nil {
			return "", err
		}
		key = string(buffer)
	} else if at := firstOddByte(token); at >= 0 {
		return "", malformed("key token %s: byte %d must be escaped", excerpt(token), at)
	}
	if err := CheckKey(key); err != nil {
		return "", malformed("key token %s: %w", excerpt(token), err)
	}
	return key, nil
}

// firstOddByte returns where the first byte is that may not stand for itself in a token, or -1.
func firstOddByte(token string) int {
	for i := 0; i < len(token); i++ {
		if !plainKeyByte[token[i]] {
			return i
		}
	}
	return -1
}

// unescapeKey appends the key of a token that is not the empty key's.
func unescapeKey(dst []byte, token string) ([]byte, error) {
	for i := 0; i < len(token); i++ {
		c := token[i]
		if plainKeyByte[c] {
			dst = append(dst, c)
			continue
		}
		if c != '%' {
			return nil, malformed("key token %s: byte %d must be escaped", excerpt(token), i)
		}
		if len(token)-i < 3 {
			return nil, malformed("key token %s: the escape at byte %d is cut short", excerpt(token), i)
		}
		high, low := hexValue[token[i+1]], hexValue[token[i+2]]
		if high > 0xF || low > 0xF {
			return nil, malformed("key token %s: the escape at byte %d is not two upper-case hex digits", excerpt(token), i)
		}
		c = high<<4 | low
		if plainKeyByte[c] {
			return nil, malformed("key token %s: %q at byte %d is escaped and must not be", excerpt(token), rune(c), i)
		}
		dst = append(dst, c)
		i += 2
	}
	return dst, nil
}
