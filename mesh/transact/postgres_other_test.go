//go:build !unix

package transact_test

import (
	"sync/atomic"
	"testing"
)

// withPostgres runs tests alone: the test's server is for Unix.
type withPostgres struct{ *testing.M }

var schemas atomic.Int64

func postgresDSN(t *testing.T) string {
	t.Helper()
	withoutPostgres(t, "the test's PostgreSQL is for Unix")
	return ""
}
