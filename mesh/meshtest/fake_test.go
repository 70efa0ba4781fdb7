package meshtest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeT records what an assertion does to its test instead of failing this one.
type fakeT struct {
	testing.TB // of the test that uses it

	mu       sync.Mutex
	failures []string // guarded by mu
	cleanups []func() // guarded by mu

	output bytes.Buffer // read when the test has ended
}

func (f *fakeT) Helper() {}

// Output takes what the test logs.
func (f *fakeT) Output() io.Writer { return &f.output }

func (f *fakeT) Cleanup(cleanup func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, cleanup)
}

// TempDir makes a folder as a test does, for an example too.
func (f *fakeT) TempDir() string {
	folder, err := os.MkdirTemp("", "meshtest-")
	if err != nil {
		f.Fatalf("make a folder: %v", err)
	}
	f.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			f.Errorf("remove a folder: %v", err)
		}
	})
	return folder
}

func (f *fakeT) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// failuresOf runs a test with a fake of t, cleanups included, and gives how it
// failed.
func failuresOf(t testing.TB, test func(t testing.TB)) []string {
	t.Helper()
	return (&fakeT{TB: t}).run(test)
}

// run runs a test and then its cleanups, and gives how it failed.
func (f *fakeT) run(test func(t testing.TB)) []string {
	run := func(part func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			part()
		}()
		<-done
	}
	run(func() { test(f) })
	for _, cleanup := range slices.Backward(f.cleanups) {
		run(cleanup)
	}
	return f.failures
}

// wantFailure fails unless test fails exactly once, with a message that holds
// all parts.
func wantFailure(t *testing.T, test func(t testing.TB), parts ...string) {
	t.Helper()
	failures := failuresOf(t, test)
	if len(failures) != 1 {
		t.Fatalf("%d failures, want 1: %q", len(failures), failures)
	}
	for _, part := range parts {
		if !strings.Contains(failures[0], part) {
			t.Errorf("the failure does not say %q:\n%s", part, failures[0])
		}
	}
}

// exampleOf runs a test as an example and prints how it failed, if it did.
func exampleOf(test func(t testing.TB)) {
	for _, failure := range failuresOf(exampleT{}, test) {
		fmt.Println(failure)
	}
}

// exampleT is what a fake takes from a test that is none.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                  {}
func (exampleT) Context() context.Context { return context.Background() }
