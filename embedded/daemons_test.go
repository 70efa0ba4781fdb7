package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nkeys"

	"leafmesh/configs"
	"leafmesh/embedded/guesslog/testlog"
	"leafmesh/embedded/replay"
)

// TestDaemonsAgree replays each log against three daemons, each a process of its own, and in one process, and compares the
// results. The daemons run with the shipped configurations, but for what a machine needs: ports, keys and folders.
func TestDaemonsAgree(t *testing.T) {
	programs := build(t)
	for _, log := range testlog.All(t) {
		t.Run(log.Name, func(t *testing.T) {
			urls := startDaemons(t, programs, log.Path)
			many := replayed(t, "-log", log.Path, "-clue", urls["clue"], "-hunt", urls["hunt"], "-score", urls["score"])
			one := replayed(t, "-log", log.Path)
			t.Logf("%d guesses: %.2f s against daemons, %.2f s in one process", many.Guesses, many.ElapsedSeconds, one.ElapsedSeconds)
			if !reflect.DeepEqual(many.Leaderboard, one.Leaderboard) {
				t.Errorf("the leaderboards differ:\ndaemons     %+v\none process %+v", many.Leaderboard, one.Leaderboard)
			}
			if len(many.Leaderboard) != log.Solved {
				t.Errorf("%d teams on the leaderboard, want %d", len(many.Leaderboard), log.Solved)
			}
			// All else but times and counters is equal too.
			many.ElapsedSeconds, many.Nodes, many.Leaderboard = one.ElapsedSeconds, one.Nodes, one.Leaderboard
			if !reflect.DeepEqual(many, one) {
				t.Errorf("daemons %+v, one process %+v", many, one)
			}
		})
	}
}

// services are the names of the three; that of a daemon has a d at its end, that of a node a -1.
var services = []string{"clue", "hunt", "score"}

// build builds the daemons and returns the folder they are in.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir() + string(filepath.Separator)
	args := []string{"build", "-o", dir}
	for _, s := range services {
		args = append(args, "leafmesh/services/"+s+"/"+s+"d")
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("build the daemons: %v\n%s", err, out)
	}
	return dir
}

func replayed(t *testing.T, args ...string) (result replay.Result) {
	t.Helper()
	status, out, err := run(t.Context(), append([]string{"replay", "-json"}, args...)...)
	if status != 0 {
		t.Fatalf("replay %v: status %d: %s", args, status, err)
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// startDaemons starts all three with the hunt of a log, and returns the base URLs of their APIs when they are linked. They
// are stopped when the test ends.
func startDaemons(t *testing.T, programs, log string) (urls map[string]string) {
	t.Helper()
	dir := t.TempDir()
	status, hunt, message := run(t.Context(), "derive", "-log", log)
	if status != 0 {
		t.Fatal(message)
	}
	write(t, filepath.Join(dir, "derived-hunt.yaml"), []byte(hunt))
	ports := make(map[string]string) // node → host:port of its leaf port
	for _, s := range services {
		ports[s+"-1"] = freeAddress(t)
		writeKeys(t, dir, s+"-1")
	}
	urls = make(map[string]string)
	var daemons []*daemon
	for _, s := range services {
		writeConfig(t, dir, s, ports)
		daemons = append(daemons, startDaemon(t, filepath.Join(programs, s+"d"), filepath.Join(dir, s+".yaml")))
	}
	for i, d := range daemons {
		urls[services[i]] = d.await(t, `msg=serving .*url=(\S+)`)
		d.await(t, `msg="(linked)`)
	}
	return urls
}

// writeConfig writes the shipped configuration of a service with other ports, keys and folders.
func writeConfig(t *testing.T, dir, service string, ports map[string]string) {
	t.Helper()
	shipped, err := configs.Files.ReadFile(service + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(shipped, &config); err != nil {
		t.Fatal(err)
	}
	node := config["mesh"].(map[string]any)
	name := node["name"].(string)
	node["listen"] = ports[name]
	node["seed"] = map[string]string{"file": name + ".seed"}
	for _, p := range node["peers"].([]any) {
		peer := p.(map[string]any)
		name := peer["name"].(string)
		peer["key_file"] = name + ".pub"
		if peer["url"] != nil {
			peer["url"] = "nats-leaf://" + ports[name]
		}
	}
	config["http"], config["data"], config["hunt"] = "127.0.0.1:0", "data-"+service, "derived-hunt.yaml"
	if service == "clue" {
		config["trust_time"] = true
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, service+".yaml"), text)
}

// writeKeys makes a node's key pair.
func writeKeys(t *testing.T, dir, node string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, node+".seed"), seed)
	write(t, filepath.Join(dir, node+".pub"), []byte(public+"\n"))
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddress finds a port that is free now. Nothing keeps it free until the daemon takes it, but that the system hands
// out ports in turn.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// daemon is a process and what it logs.
type daemon struct {
	name  string
	lines chan string // closed when it has ended
	seen  []string
}

// startDaemon starts a daemon. When the test ends it gets an interrupt and must end well.
func startDaemon(t *testing.T, program, config string) *daemon {
	t.Helper()
	command := exec.Command(program, "--config", config)
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	d := &daemon{name: filepath.Base(program), lines: make(chan string, 1000)}
	go func() { // ends with the process
		defer close(d.lines)
		for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
			d.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		if err := command.Process.Signal(os.Interrupt); err != nil {
			t.Errorf("stop %s: %v", d.name, err)
		}
		for line := range d.lines {
			d.seen = append(d.seen, line)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("%s ended: %v\n%s", d.name, err, d.log())
		}
	})
	return d
}

// await waits for a line of the log and returns what the pattern's group matched.
func (d *daemon) await(t *testing.T, pattern string) string {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for expression := regexp.MustCompile(pattern); ; {
		select {
		case line, open := <-d.lines:
			d.seen = append(d.seen, line)
			if found := expression.FindStringSubmatch(line); found != nil {
				return found[1]
			}
			if !open {
				t.Fatalf("%s ended before %q\n%s", d.name, pattern, d.log())
			}
		case <-timeout:
			t.Fatalf("%s does not say %q\n%s", d.name, pattern, d.log())
		}
	}
}

func (d *daemon) log() (text string) {
	for _, line := range d.seen {
		text += fmt.Sprintln("   ", line)
	}
	return text
}
