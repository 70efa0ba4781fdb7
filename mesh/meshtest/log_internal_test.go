package meshtest

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// kept is a test whose log is kept.
type kept struct {
	testing.TB
	output bytes.Buffer
}

func (k *kept) Output() io.Writer { return &k.output }

// What a node logs after the test has ended, as one that did not close does, is dropped: the
// package testing panics at it.
func TestNothingIsLoggedAfterTheTest(t *testing.T) {
	var k kept
	var warn func(string, ...any)
	t.Run("ends", func(t *testing.T) {
		k.TB = t
		warn = loggerOf(&k).With("node", "clue-1").WithGroup("group").Warn
		warn("in time", "value", 1, "stack", "goroutine 1\nmain.main()\n")
	})
	warn("too late", "stack", "goroutine 2\n")
	if got := k.output.String(); !strings.HasSuffix(got, "node=clue-1 group.value=1\n\tgoroutine 1\n\tmain.main()\n") || strings.Contains(got, "too late") {
		t.Errorf("the log has %q", got)
	}
}
