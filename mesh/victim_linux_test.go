package mesh_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
)

// victimSpec says what the node of a [victim] is to be: clue-1, which exports solves to score-1 and
// a mad reader.
type victimSpec struct {
	Seed      string
	Good, Mad string        // public keys: of score-1, and of mad-1
	Size      int           // of an event, in bytes
	Every     time.Duration // how often it emits one
	Lasts     time.Duration // how long it is attacked; 0: madFor
	Memory    int           // what that may cost, in bytes; 0: madMemory
	Share     float64       // of a processor, the same; 0: madShare
	Dials     string        // not empty: it imports from mad-1, there
}

// victim is a node that is attacked, in a process of its own: what it costs can be read there.
type victim struct {
	*exec.Cmd
	said    *bufio.Reader
	tell    io.WriteCloser
	log     string // the file
	address string
}

const isVictim = "MESH_TEST_VICTIM"

func (s victimSpec) config() mesh.Config {
	c := clueNode("clue-1")
	c.Listen, c.Seed = "127.0.0.1:0", mesh.NewSecret(s.Seed)
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	c.Peers = []mesh.Peer{{Name: "score-1", Key: s.Good, MayImport: mesh.AllExports()}}
	mad := mesh.Peer{Name: "mad-1", Key: s.Mad, MayImport: mesh.AllExports()}
	if s.Dials != "" {
		mad.URL = "nats-leaf://" + s.Dials
		c.Imports = append(c.Imports, madRaved.Import(mesh.Limit{}, mesh.Shared))
		c.Handlers = append(c.Handlers, madRaved.Handle("hear", func(context.Context, solved) error { return nil }))
	}
	c.Peers = append(c.Peers, mad)
	return c
}

var madRaved = mesh.NewEvent[solved]("mad.mind.raved")

// TestVictim is the process of a victim. It says where its leaf port is, and answers "begin" and
// "heap" with what it holds in memory: at the most since it began, in bytes.
func TestVictim(t *testing.T) {
	given := os.Getenv(isVictim)
	if given == "" {
		t.Skip("it is a process of other tests")
	}
	var s victimSpec
	if err := json.Unmarshal([]byte(given), &s); err != nil {
		t.Fatal(err)
	}
	n := openNode(t, s.config())
	ctx, cancel := context.WithCancel(t.Context())
	var emitting sync.WaitGroup
	emitting.Go(func() {
		tick := time.NewTicker(s.Every)
		defer tick.Stop()
		for i := int64(0); ; i++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if err := clueSolved.Emit(n.Context(context.Background()), solved{Team: "owls", Clue: strings.Repeat("x", s.Size), At: i}); err != nil {
				t.Error(err)
			}
		}
	})
	fmt.Println("leaf port", n.ListenAddr())
	asked := make(chan string)
	emitting.Go(func() {
		defer close(asked)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			asked <- in.Text()
		}
	})
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	most := uint64(0)
	for open := true; open; {
		select {
		case <-look.C:
			most = max(most, held())
		case _, open = <-asked:
			most = max(most, held())
			fmt.Println("held", most)
			most = 0
		}
	}
	cancel()
	emitting.Wait()
}

// held is what the heap and the stacks hold after a collection, in bytes.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func startVictim(t *testing.T, s victimSpec) *victim {
	t.Helper()
	given, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{Cmd: exec.CommandContext(context.Background(), os.Args[0], "-test.run=^TestVictim$", "-test.v"), log: t.TempDir() + "/log"}
	log, err := os.Create(v.log)
	if err != nil {
		t.Fatal(err)
	}
	v.Env, v.Stderr = append(os.Environ(), isVictim+"="+string(given)), log
	out, err := v.StdoutPipe()
	if err == nil {
		v.tell, err = v.StdinPipe()
	}
	if err == nil {
		err = v.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	v.said = bufio.NewReader(out)
	t.Cleanup(func() {
		_ = v.tell.Close()
		said, _ := io.ReadAll(v.said)
		if err := v.Wait(); err != nil {
			t.Errorf("the victim: %v\n%s%s", err, said, v.logged(t))
		}
		_ = log.Close()
	})
	v.address = v.await(t, "leaf port ")
	return v
}

// await reads what the victim says, up to a line with that beginning.
func (v *victim) await(t *testing.T, prefix string) string {
	t.Helper()
	for {
		line, err := v.said.ReadString('\n')
		if err != nil {
			t.Fatalf("the victim: %v\n%s", err, v.logged(t))
		}
		if rest, found := strings.CutPrefix(line, prefix); found {
			return strings.TrimSpace(rest)
		}
	}
}

func (v *victim) logged(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(v.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// memory is what the victim held at most since it was asked last, in bytes.
func (v *victim) memory(t *testing.T) int {
	t.Helper()
	if _, err := fmt.Fprintln(v.tell, "memory"); err != nil {
		t.Fatal(err)
	}
	return number(t, v.await(t, "held "))
}

// processor is how much time of a processor the process has had.
func (v *victim) processor(t *testing.T) time.Duration {
	t.Helper()
	stat := v.proc(t, "stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // the name before may have spaces
	return time.Duration(number(t, fields[11])+number(t, fields[12])) * 10 * time.Millisecond
}

func (v *victim) proc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", v.Process.Pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
