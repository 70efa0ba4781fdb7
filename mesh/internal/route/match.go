// Package route matches subjects against patterns as NATS does.
package route

import "strings"

// Match reports whether a literal subject matches a pattern, in which "*"
// stands for one token and a last ">" for one or more. It is used when a route
// is made, not for each event, so it is written to be plain.
func Match(pattern, subject string) bool {
	for {
		p, restOfPattern, morePattern := strings.Cut(pattern, ".")
		s, restOfSubject, moreSubject := strings.Cut(subject, ".")
		switch {
		case p == ">" && !morePattern:
			return true
		case p != "*" && p != s:
			return false
		case !morePattern || !moreSubject:
			return morePattern == moreSubject
		}
		pattern, subject = restOfPattern, restOfSubject
	}
}

// Overlap reports whether some subject matches both patterns.
func Overlap(a, b string) bool {
	for {
		x, restOfA, moreA := strings.Cut(a, ".")
		y, restOfB, moreB := strings.Cut(b, ".")
		switch {
		case x == ">" || y == ">":
			return true
		case x != y && x != "*" && y != "*":
			return false
		case !moreA || !moreB:
			return moreA == moreB
		}
		a, b = restOfA, restOfB
	}
}
