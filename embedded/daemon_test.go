package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// daemon is a service as a process of its own, that may be killed and started again. One goroutine
// at a time uses it.
type daemon struct {
	name            string // clued
	program, config string
	log             journal // of all its runs

	// Of the present run.
	process *exec.Cmd
	begin   int           // where it begins in the log
	ended   chan struct{} // closed when the process has ended
	status  error         // then: how
}

// startDaemon starts a daemon. When the test ends it gets an interrupt and must end well; if the
// test failed, the end of its log is shown.
func startDaemon(t *testing.T, program, config string) *daemon {
	t.Helper()
	d := &daemon{name: filepath.Base(program), program: program, config: config}
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", d.name, d.log.tail(60))
		}
	})
	return d
}

func (d *daemon) start() error {
	d.process = exec.Command(d.program, "--config", d.config)
	d.process.Stderr = &d.log
	d.begin, d.ended = d.log.len(), make(chan struct{})
	if err := d.process.Start(); err != nil {
		close(d.ended)
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	go func() { // ends with the process
		defer close(d.ended)
		d.status = d.process.Wait()
	}()
	return nil
}

// kill ends the process with SIGKILL and waits until it is gone. It is an error if it was gone
// before.
func (d *daemon) kill() error {
	select {
	case <-d.ended:
		return fmt.Errorf("%s ended by itself: %v", d.name, d.status)
	default:
	}
	if err := d.process.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", d.name, err)
	}
	<-d.ended
	d.log.note("--- killed")
	return nil
}

// hang keeps the process from running, and from ending, until what is given returns. Where a system
// cannot do that, the process runs all the time.
func (d *daemon) hang(during func()) error {
	if err := suspend(d.process.Process); err != nil {
		return fmt.Errorf("let %s hang: %w", d.name, err)
	}
	d.log.note("--- hangs")
	during()
	if err := resume(d.process.Process); err != nil {
		return fmt.Errorf("let %s go on: %w", d.name, err)
	}
	d.log.note("--- goes on")
	return nil
}

// stop interrupts the process, which must then end well.
func (d *daemon) stop() error {
	select {
	case <-d.ended:
	default:
		if err := d.process.Process.Signal(os.Interrupt); err != nil {
			return fmt.Errorf("stop %s: %w", d.name, err)
		}
	}
	<-d.ended
	if d.status != nil {
		return fmt.Errorf("%s ended: %w", d.name, d.status)
	}
	return nil
}

// await waits for a line in the log of the present run, and returns what the pattern's group
// matched.
func (d *daemon) await(t *testing.T, pattern string) string {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for expression := regexp.MustCompile(pattern); ; {
		lines, changed := d.log.since(d.begin)
		for _, line := range lines {
			if found := expression.FindStringSubmatch(line); found != nil {
				return found[1]
			}
		}
		select {
		case <-changed:
		case <-d.ended:
			t.Fatalf("%s ended before %q: %v", d.name, pattern, d.status)
		case <-timeout:
			t.Fatalf("%s does not say %q", d.name, pattern)
		}
	}
}

// journal keeps the lines that are written to it. It may be used by many goroutines.
type journal struct {
	mu      sync.Mutex
	lines   []string      // guarded by mu
	rest    []byte        // guarded by mu: a line that is not at its end
	changed chan struct{} // guarded by mu: closed by the next line; nil while nobody waits
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rest = append(j.rest, p...)
	for {
		line, rest, found := bytes.Cut(j.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		j.addLocked(string(line))
		j.rest = rest
	}
}

// note adds a line of ours.
func (j *journal) note(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.addLocked(string(j.rest) + text)
	j.rest = nil
}

func (j *journal) addLocked(line string) {
	j.lines = append(j.lines, line)
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

func (j *journal) len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.lines)
}

// since returns the lines from the given one on, and a channel that is closed by the next.
func (j *journal) since(first int) (lines []string, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	return j.lines[first:], j.changed
}

// tail is the last lines.
func (j *journal) tail(most int) string {
	lines, _ := j.since(max(0, j.len()-most))
	return "    " + strings.Join(lines, "\n    ")
}
