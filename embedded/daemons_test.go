package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nkeys"

	"leafmesh/configs"
	"leafmesh/embedded/guesslog/testlog"
	"leafmesh/embedded/replay"
	"leafmesh/mesh/meshtest"
	"leafmesh/services/huntfile"
)

// TestDaemonsAgree replays each log against three daemons, each a process of its own, and in one
// process, and compares the results. The daemons run with the shipped configurations, but for what
// a machine needs: ports, keys and folders.
func TestDaemonsAgree(t *testing.T) {
	programs := build(t)
	for _, log := range testlog.All(t) {
		t.Run(log.Name, func(t *testing.T) {
			_, hunt, err := readLog(log.Path, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			urls := startFleet(t, programs, hunt.Hunt, direct).urls
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

// fleet is the three daemons, each a process with a data directory of its own.
type fleet struct {
	dir     string // of their files and data
	daemons []*daemon
	urls    map[string]string // service → base URL of its API; it stays the same when the daemon is started again
}

// route gives the host:port at which one node reaches another's leaf port.
type route func(importer, exporter, address string) string

func direct(_, _, address string) string { return address }

// edit changes the node's part of a service's file.
type edit func(service string, node map[string]any)

// startFleet starts all three with a hunt, and returns when they are linked. They are stopped when
// the test ends.
func startFleet(t *testing.T, programs string, hunt *huntfile.Hunt, links route, edits ...edit) *fleet {
	t.Helper()
	f := writeFleet(t, hunt, links, edits...)
	f.start(t, programs)
	return f
}

// writeFleet writes the files of all three.
func writeFleet(t *testing.T, hunt *huntfile.Hunt, links route, edits ...edit) *fleet {
	t.Helper()
	dir := t.TempDir()
	if err := hunt.Write(filepath.Join(dir, "derived-hunt.yaml")); err != nil {
		t.Fatal(err)
	}
	f := &fleet{dir: dir, urls: make(map[string]string)}
	ports := make(map[string]string) // node → host:port of its leaf port
	for _, s := range services {
		ports[s+"-1"] = meshtest.FreeAddress(t)
		writeKeys(t, dir, s+"-1")
	}
	for _, s := range services {
		writeConfig(t, dir, s, ports, links, edits)
	}
	return f
}

// file is the file of a service.
func (f *fleet) file(service string) string { return filepath.Join(f.dir, service+".yaml") }

// start starts all three.
func (f *fleet) start(t *testing.T, programs string) {
	t.Helper()
	for _, s := range services {
		f.daemons = append(f.daemons, startDaemon(t, filepath.Join(programs, s+"d"), f.file(s)))
	}
	for i, d := range f.daemons {
		f.urls[services[i]] = d.await(t, `msg=serving .*url=(\S+)`)
		d.await(t, `msg="(linked)`)
	}
}

// writeConfig writes the shipped configuration of a service with other ports, keys and folders.
func writeConfig(t *testing.T, dir, service string, ports map[string]string, links route, edits []edit) {
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
		exporter := peer["name"].(string)
		peer["key_file"] = exporter + ".pub"
		if peer["url"] != nil {
			peer["url"] = "nats-leaf://" + links(name, exporter, ports[exporter])
		}
	}
	for _, edit := range edits {
		edit(service, node)
	}
	config["http"], config["data"], config["hunt"] = meshtest.FreeAddress(t), "data-"+service, "derived-hunt.yaml"
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
