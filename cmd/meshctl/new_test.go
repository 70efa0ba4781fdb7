package main

import (
	"bytes"
	"context"
	"fmt"
	"go/format"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// freshModule makes a module outside of this one, which uses this one's sources, and goes there.
func freshModule(t *testing.T) {
	t.Helper()
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	t.Setenv("GOWORK", "off")
	t.Setenv("GOSUMDB", "off") // no network: what is needed was downloaded for this test
	goCommand(t, "mod", "init", "example.com/fresh")
	goCommand(t, "mod", "edit", "-replace", "leafmesh="+repository)
	goCommand(t, "get", "-tool", "leafmesh/cmd/meshctl")
}

func goCommand(t *testing.T, args ...string) {
	t.Helper()
	if said, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// freePorts returns the first of n ports in a row on which nothing listens.
func freePorts(t *testing.T, n int) int {
	t.Helper()
search:
	for first := 20000 + os.Getpid()%5000; first < 32000; first += n {
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

// What is written is a module's that has nothing else: it passes gofmt, its tests pass, and events
// go from process to process.
func TestNewServicesRun(t *testing.T) {
	freshModule(t)
	port := fmt.Sprint(freePorts(t, 8))
	if _, stderr, code := meshctl("new", "mesh", "porter", "night-watch", "greeter", "--port", port); code != 0 {
		t.Fatal(stderr)
	}
	if stdout, stderr, code := meshctl("new", "service", "alone"); code != 0 || !strings.Contains(stdout, "go run ./alone\n") {
		t.Fatal(stdout, stderr)
	}
	for file, mode := range map[string]os.FileMode{"keys": 0o700, "keys/night-watch-1.nk": 0o600, "keys/night-watch-1.tap": 0o600} {
		info, err := os.Stat(filepath.Join("night-watch", file))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %v", file, info.Mode(), err, mode)
		}
	}
	for _, file := range files(t, "*/*.go") {
		text := read(t, file)
		if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
			t.Errorf("%s is not as gofmt writes it: %v", file, err)
		}
	}
	for _, file := range files(t, "*/*.yaml") {
		if _, stderr, code := meshctl("check", file); code != 0 {
			t.Error(stderr)
		}
	}
	goCommand(t, "test", "./...")

	goCommand(t, "build", "-o", "bin/", "./...")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	programs := map[*exec.Cmd]*watchFor{}
	for service, want := range map[string]string{"alone": "INFO done task=task-", "porter": "INFO done task=task-", "night-watch": "INFO done task=task-",
		"greeter": "porter-1:porter.task.given porter-1:porter.task.done night-watch-1:night-watch.task.done"} {
		program, seen := exec.CommandContext(ctx, "bin/"+service), &watchFor{text: want, found: make(chan struct{})}
		program.Stderr = seen
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		programs[program] = seen
	}
	for program, seen := range programs {
		select {
		case <-seen.found:
		case <-ctx.Done():
			t.Errorf("%s did not say %q", program.Path, seen.text)
		}
	}
	for program, seen := range programs {
		if program.Path == "bin/alone" {
			wantReloads(ctx, t, program, seen)
		}
	}
	for program, seen := range programs {
		interrupt(t, program)
		if err := program.Wait(); err != nil {
			t.Errorf("%s: %v, said %s", program.Path, err, &seen.all)
		}
	}
}

// wantReloads looks whether the service alone takes what changes in its file, on SIGHUP and when an
// operator asks for it, and outlives a file that is wrong.
func wantReloads(ctx context.Context, t *testing.T, program *exec.Cmd, seen *watchFor) {
	t.Helper()
	const file = "alone/alone-1.yaml"
	before := read(t, file)
	hangUp := func(more, want string) {
		t.Helper()
		write(t, file, before+more)
		found := seen.next(want)
		if err := program.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		select {
		case <-found:
		case <-ctx.Done():
			t.Errorf("the service did not say %q", want)
		}
	}
	hangUp("\nalarms: {slow: 3s}\n", `INFO reloaded node=alone-1 file=alone/alone-1.yaml changes="alarms.slow: 5s → 3s"`)
	hangUp("\nalarms: {slow: 3s}\n", `INFO reloaded node=alone-1 file=alone/alone-1.yaml changes=none`)
	hangUp("\nalarms: {slwo: 3s}\n", "ERROR not reloaded node=alone-1")
	write(t, file, before+"\nalarms: {slow: 4s}\n")
	for _, more := range [][]string{{"--dry-run"}, nil} {
		args := append([]string{"reload", "alone-1", "-f", file}, more...)
		if stdout, stderr, code := meshctl(args...); code != 0 || !strings.Contains(stdout, "alarms.slow  3s   4s") {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}

// watchFor is a writer that looks for a text.
type watchFor struct {
	mutex sync.Mutex
	text  string
	found chan struct{} // closed when it was written
	done  bool
	all   bytes.Buffer
	from  int // where it looks in all
}

func (u *watchFor) Write(p []byte) (int, error) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.all.Write(p)
	if !u.done && strings.Contains(u.all.String()[u.from:], u.text) {
		u.done = true
		close(u.found)
	}
	return len(p), nil
}

// next looks for another text in what is written from now on.
func (u *watchFor) next(text string) (found <-chan struct{}) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.text, u.found, u.done, u.from = text, make(chan struct{}), false, u.all.Len()
	return u.found
}

func interrupt(t *testing.T, program *exec.Cmd) {
	t.Helper()
	if err := program.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return names
}

func TestNewRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	stdout, stderr, code := meshctl("new", "service", "porter")
	if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "meshctl: there is no go.mod here or above") {
		t.Errorf("without a module: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	write(t, "go.mod", "module example.com/fresh\n")
	write(t, "taken", "a file")
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, problem string }{
		{"mesh a b taken", "taken exists and is not overwritten; choose another name, or move it away"},
		{"service empty", "empty exists and is not overwritten"},
		{"mesh a b a", `"a" is there twice`},
		{"service Porter", `"Porter" cannot name a service`},
		{"service ../porter", `"../porter" cannot name a service`},
		{"service mesh", `"mesh" cannot name a service`},
		{"service vendor", `"vendor" cannot name a service`},
		{"mesh a b --port 65533", "the ports 65533 to 65536 are out of range: choose --port from 1 to 65532"},
		{"mesh a --port=-1", "the ports -1 to 0 are out of range"},
	} {
		stdout, stderr, code := meshctl(append([]string{"new"}, strings.Fields(test.args)...)...)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "meshctl: "+test.problem) {
			t.Errorf("new %s: exit %d, stdout %q, stderr %q", test.args, code, stdout, stderr)
		}
	}
	if left := files(t, "*"); !slices.Equal(left, []string{"empty", "go.mod", "taken"}) || read(t, "taken") != "a file" {
		t.Errorf("left are %q", left)
	}
}

// A second service gets other ports than the nodes that are there.
func TestNewTakesPortsOfItsOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "go.mod", "module example.com/fresh\n")
	for _, args := range [][]string{{"new", "mesh", "a", "b"}, {"new", "service", "c"}} {
		if _, stderr, code := meshctl(args...); code != 0 {
			t.Fatal(stderr)
		}
	}
	var ports []string
	for _, name := range []string{"a", "b", "c"} {
		var c mesh.Config
		if err := config.LoadYAML(filepath.Join(name, name+"-1.yaml"), &c); err != nil {
			t.Fatal(err)
		}
		ports = append(ports, c.Listen, c.Tap.Listen)
	}
	want := []string{"127.0.0.1:7411", "127.0.0.1:7412", "", "127.0.0.1:7414", "", "127.0.0.1:7416"}
	if !slices.Equal(ports, want) {
		t.Errorf("ports %q, want %q", ports, want)
	}
}
