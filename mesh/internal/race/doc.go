// Package race tells tests whether the race detector is on, as the standard library's internal/race
// does.
//
// All costs several times as much under it. So a test of a volume takes a part of it then: the
// detector sees no more in the rest, and make test has the whole. Bounds of processor time hold
// without it alone.
package race
