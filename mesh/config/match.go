package config

import "strings"

// Match reports whether a subject matches a pattern as NATS matches them: "*" stands for one token
// and a last ">" for one or more. If subject is itself a pattern, Match reports whether everything
// that it stands for matches. It is used when a route is made, not for each event, so it is written
// to be plain.
func Match(pattern, subject string) bool {
	for {
		p, restOfPattern, morePattern := strings.Cut(pattern, ".")
		s, restOfSubject, moreSubject := strings.Cut(subject, ".")
		switch {
		case p == ">" && !morePattern:
			return true
		case s == ">", p != "*" && p != s:
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

// IsPattern reports whether a text has a wildcard, and so stands for several subjects.
func IsPattern(text string) bool { return strings.ContainsAny(text, "*>") }
