package config

import (
	"math/bits"
	"strings"
)

// minStrength is the least strength of a password, in bits.
const minStrength = 128

// fewCharacters are less than those in any password of this strength that a machine draws, but for
// one in a billion.
const fewCharacters = 8

// The alphabets that generators of passwords use, the smallest first, and the bits of one
// character.
var alphabets = []struct {
	characters string
	bits       float64
}{
	{"0123456789", 3.3},
	{"0123456789abcdef", 4},
	{"0123456789ABCDEF", 4},
	{"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5},
	{"abcdefghijklmnopqrstuvwxyz234567", 5},
	{"abcdefghijklmnopqrstuvwxyz0123456789-_ ", 5},
	{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_", 6},
}

// strength is how many bits a password has at most: what it would have if a machine had drawn each
// character from the smallest alphabet that has them all. Of a few characters that are repeated
// only these count. What a person thought up has less, and nothing tells.
func strength(password string) int {
	perCharacter := 6.5
	for _, a := range alphabets {
		if strings.Trim(password, a.characters) == "" {
			perCharacter = a.bits
			break
		}
	}
	different := map[rune]bool{}
	for _, c := range password {
		different[c] = true
	}
	if len(different) < fewCharacters {
		perCharacter = min(perCharacter, float64(bits.Len(uint(max(1, len(different))-1))))
	}
	return int(perCharacter * float64(len([]rune(password))))
}
