//go:build unix

package leafmesh_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	pageBlock = regexp.MustCompile("(?ms)^```(console|go) (\\S+)\n(.*?)^```")
	eventID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	// varying is what differs from run to run: which task it is, a time, a duration.
	varying = regexp.MustCompile(`task-\d+|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+|\d+(?:\.\d+)?(?:ns|µs|ms|s)\b`)
)

// The commands and the code of docs/first-two-services.md do what the page says, from an empty
// folder outside the repository. Only the ports are others, so that two runs on a machine do not
// meet.
func TestFirstTwoServicesRun(t *testing.T) { runPage(t, "docs/first-two-services.md", "doors") }

// runPage does what a page says, block by block. Its module is in a folder of this name.
func runPage(t *testing.T, name, module string) {
	t.Helper()
	page, err := fs.ReadFile(root, name)
	if err != nil {
		t.Fatal(err)
	}
	repository, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{folder: t.TempDir(), ids: map[string]string{}, terminals: map[string]*terminal{}}
	if err := os.Symlink(repository, filepath.Join(w.folder, "leafmesh")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOSUMDB", "off") // no network: what is needed was downloaded for this test
	t.Setenv("GOWORK", "off")
	blocks := pageBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) == 0 {
		t.Fatalf("%s has no blocks", name)
	}
	t.Cleanup(func() {
		for _, terminal := range w.terminals {
			terminal.interrupt()
		}
	})
	for _, block := range blocks {
		if block[1] == "go" {
			if err := os.WriteFile(filepath.Join(w.folder, module, block[2]), []byte(block[3]), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		w.play(t, block[2], block[3])
	}
}

// walk is a reader who does what the page says.
type walk struct {
	folder    string
	terminals map[string]*terminal
	ids       map[string]string // by the page's
}

// terminal is where one command after the other runs.
type terminal struct {
	folder  string
	command *exec.Cmd
	ended   chan struct{}

	mutex sync.Mutex
	said  bytes.Buffer
}

// Write takes what a command says.
func (t *terminal) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.said.Write(p)
}

func (t *terminal) output() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.said.String()
}

// play runs a block's commands and waits for the lines that it shows, in their order.
func (w *walk) play(t *testing.T, name, block string) {
	t.Helper()
	at := w.terminals[name]
	if at == nil {
		at = &terminal{folder: w.folder}
		w.terminals[name] = at
	}
	lines := strings.Split(strings.TrimSuffix(block, "\n"), "\n")
	for i := 0; i < len(lines); {
		command, isCommand := strings.CutPrefix(lines[i], "$ ")
		switch {
		case lines[i] == "^C":
			at.interrupt()
			i++
			continue
		case isCommand:
			at.start(t, w.own(t, command))
			i++
		}
		var shown []string
		for ; i < len(lines) && !strings.HasPrefix(lines[i], "$ "); i++ {
			shown = append(shown, lines[i])
		}
		w.await(t, at, shown)
		if isCommand && !strings.HasPrefix(command, "go run ") {
			at.finish(t)
		}
	}
}

// own turns a command of the page into that of this run.
func (w *walk) own(t *testing.T, command string) string {
	for page, own := range w.ids {
		command = strings.ReplaceAll(command, page, own)
	}
	if strings.Contains(command, "meshctl new ") {
		command += fmt.Sprint(" --port ", freePorts(t, 4))
	}
	return command
}

func (t *terminal) start(test *testing.T, command string) {
	test.Helper()
	if folder, ok := strings.CutPrefix(command, "cd "); ok {
		t.folder = filepath.Join(t.folder, folder)
		command = ":"
	}
	t.mutex.Lock()
	t.said.Reset()
	t.mutex.Unlock()
	t.command = exec.Command("sh", "-c", command)
	t.command.Dir, t.command.Stdout, t.command.Stderr = t.folder, t, t
	t.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does, so that ^C reaches all of it
	if err := t.command.Start(); err != nil {
		test.Fatal(err)
	}
	t.ended = make(chan struct{})
	go func(command *exec.Cmd) {
		defer close(t.ended)
		_ = command.Wait() // finish looks at the status
	}(t.command)
}

// interrupt is Ctrl-C.
func (t *terminal) interrupt() {
	if t.command == nil {
		return
	}
	_ = syscall.Kill(-t.command.Process.Pid, syscall.SIGINT) // it may have ended
	<-t.ended
	t.command = nil
}

// finish waits for a command that ends by itself, which it must do well.
func (t *terminal) finish(test *testing.T) {
	test.Helper()
	<-t.ended
	if status := t.command.ProcessState.ExitCode(); status != 0 {
		test.Fatalf("%s: exit %d\n%s", t.command, status, t.output())
	}
	t.command = nil
}

// await waits for lines of the page, and learns the ids that stand for those of the page.
func (w *walk) await(t *testing.T, at *terminal, shown []string) {
	t.Helper()
	for deadline := patience(t); ; time.Sleep(20 * time.Millisecond) {
		missing := w.match(at.output(), shown)
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the page shows\n%s\nbut this came:\n%s", missing, at.output())
		}
	}
}

// patience is until when a line may come. A busy machine builds for minutes, so that all the time
// of the tests is given, but for what it takes to say what is missing.
func patience(t *testing.T) time.Time {
	if deadline, ok := t.Deadline(); ok {
		return deadline.Add(-10 * time.Second)
	}
	return time.Now().Add(10 * time.Minute)
}

// match returns the first line of the page that was not said behind those before it, or "". Lines
// of a log ("…" stands for their time) may come in any order: a node that has just linked is told
// of the link and handles the first event at the same time.
func (w *walk) match(said string, shown []string) string {
	lines := strings.Split(said, "\n")
	all := lines
	for _, line := range shown {
		expression, pageIDs := pattern(line)
		if strings.HasPrefix(line, "… ") {
			lines = all
		}
		for {
			if len(lines) == 0 {
				return line
			}
			found := expression.FindStringSubmatch(lines[0])
			lines = lines[1:]
			if found == nil {
				continue
			}
			for i, id := range pageIDs {
				w.ids[id] = found[i+1]
			}
			break
		}
	}
	return ""
}

// pattern turns a line of the page into one for any run, and lists the ids in it. "…" is any text.
func pattern(line string) (*regexp.Regexp, []string) {
	ids := eventID.FindAllString(line, -1)
	text := eventID.ReplaceAllString(line, "\x00")
	text = varying.ReplaceAllString(text, "\x01")
	text = regexp.QuoteMeta(text)
	for from, to := range map[string]string{"\x00": "(" + eventID.String() + ")", "\x01": "(?:" + varying.String() + ")", "…": ".*"} {
		text = strings.ReplaceAll(text, from, to)
	}
	return regexp.MustCompile("^" + text + "$"), ids
}

// freePorts returns the first of n ports in a row on which nothing listens.
func freePorts(t *testing.T, n int) int {
	t.Helper()
search:
	for first := 25000 + os.Getpid()%5000; first < 32000; first += n {
		for port := first; port < first+n; port++ {
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				continue search
			}
			if err := listener.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return first
	}
	t.Fatal("no free ports")
	return 0
}
