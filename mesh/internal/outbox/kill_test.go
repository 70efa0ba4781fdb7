package outbox

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

const childVariable = "OUTBOX_TEST_CHILD"

// children are the programs of child processes, by the value of childVariable.
var children = map[string]func(){"store": storingChild}

// child starts this test program as another one, with the values as arguments.
func child(t *testing.T, name string, values ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], values...)
	c.Env = append(os.Environ(), childVariable+"="+name)
	return c
}

func childSite(dir string) (Config, leaf.Spec) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	config := Config{
		Node:       "clue-1",
		Dir:        dir,
		Types:      []Type{{Subject: solved, Services: []string{"score"}}, {Subject: taken, Services: []string{"score"}}},
		Service:    serviceOf,
		MaxPayload: leaf.DefaultMaxPayload,
		MaxBytes:   127_000, // small files, and many of them
		Duplicates: 100 * time.Millisecond,
		Log:        journal.New(log, "clue-1"),
		tuning:     tuning{interval: 3 * time.Millisecond},
	}
	return config, leaf.Spec{Name: "clue-1", Outbox: &leaf.Outbox{Dir: dir, MaxBytes: 2 * roomToKeep}, Logger: log}
}

// storingChild stores messages from a number on and takes them. It prints "got n" before it
// acknowledges and "stored n" when that is certain, until it is killed.
func storingChild() {
	ctx := context.Background()
	config, spec := childSite(os.Args[1])
	from, _ := strconv.Atoi(os.Args[2])
	server, err := leaf.Start(ctx, spec)
	fail(err)
	conn, err := server.Connect(account)
	fail(err)
	config.Reset = server.ResetOutbox
	if len(os.Args) > 3 { // nobody reads, and all ids are known for long
		config.Duplicates, config.MaxBytes = keptFor, roomToKeep
	}
	heard := make(chan []byte, 1024)
	config.Send = func(_ string, message []byte) error { heard <- message; return nil }
	o, err := Open(ctx, conn, config)
	fail(err)
	if len(os.Args) == 3 {
		go read(o, heard)
	}
	for n := from; ; n++ {
		subject := solved
		if n%3 == 0 {
			subject = taken
		}
		p, err := o.Store(ctx, subject+".t1", id(n), eventOf(n, "t1", strconv.Itoa(n)))
		fail(err)
		go func() {
			if p.Wait(ctx) == nil {
				say("stored %d", n)
			}
		}()
		time.Sleep(50 * time.Microsecond)
	}
}

// read is a reader that handles what comes. It says so before it answers.
func read(o *Outbox, heard <-chan []byte) {
	tell := func(talk any) {
		data, err := wire.EncodeTalk(talk)
		fail(err)
		tellOutbox(o, "score-1", data)
	}
	tell(&wire.Hello{MaxPayload: 68 << 10, Imports: imports(100, solved, taken)})
	for message := range heard {
		talk, err := wire.DecodeTalk(message)
		fail(err)
		batch, ok := talk.(*wire.Batch)
		if !ok {
			continue
		}
		var answers wire.Answers
		for _, e := range batch.Events {
			say("got %s", textOf(e.Message))
			answers.Answers = append(answers.Answers, wire.Answer{Type: batch.Type, Sequence: e.Sequence})
		}
		tell(&answers)
	}
}

// say writes a line at once: what was said before a kill is not lost.
func say(format string, values ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", values...) }

func fail(err error) {
	if err != nil {
		say("error %v", err)
		os.Exit(1)
	}
}

// killed runs a storing child, kills it some time after it was started or, if working,
// after it has stored something, and returns what it said.
func killed(t *testing.T, dir string, from int, working bool, after time.Duration, more ...string) []string {
	t.Helper()
	c := child(t, "store", append([]string{dir, strconv.Itoa(from)}, more...)...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	begun := after
	if working {
		begun = time.Minute // unless it stores something
	}
	timer := time.AfterFunc(begun, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	var lines []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		if lines = append(lines, scanner.Text()); working && strings.HasPrefix(scanner.Text(), "stored") {
			working = false
			timer.Reset(after)
		}
	}
	_ = c.Wait()
	return lines
}

const (
	keptFor    = time.Hour
	roomToKeep = 64 << 20
)

// Who tries again after a kill, whatever was said of an event, stores none a second time.
func TestKillAndTryAgain(t *testing.T) {
	const rounds, most = 6, 100_000
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	dir := t.TempDir()
	s := newSite(t, func(s *site) {
		s.config, s.spec = childSite(dir)
		s.config.Send = s.peers.send
		s.config.Duplicates, s.config.MaxBytes = keptFor, roomToKeep
		s.config.tuning.answerTimeout = patience // on a busy machine many ids take long to read
		s.spec.Outbox.MaxBytes = 2 * roomToKeep
	})
	all := map[int]bool{}
	for round := range rounds {
		last := 0
		for _, line := range killed(t, dir, round*most+1, true, time.Duration(random.IntN(150))*time.Millisecond, "keep") {
			word, value, _ := strings.Cut(line, " ")
			n, err := strconv.Atoi(value)
			if word != "stored" || err != nil {
				t.Fatalf("round %d: %s", round, line)
			}
			all[n], last = true, max(last, n)
		}
		s.open(t)
		for n := max(round*most+1, last-500); n <= last+2000; n++ { // some of which were under way
			all[n] = true
			s.store(t, []string{taken, solved, solved}[n%3], n, n)
		}
		if got := s.events(t); got != uint64(len(all)) {
			t.Errorf("round %d: %d events are stored, and %d ids", round, got, len(all))
		}
		s.stop(t)
	}
}

// drain takes what is left until the outbox is empty.
func drain(t *testing.T, s *site, got map[int]bool) {
	t.Helper()
	p := s.reader(t, "score", solved, taken)
	eventually(t, "the outbox is empty", func() bool {
		all := p.get(t, p.untaken())
		for _, e := range all {
			n, _ := strconv.Atoi(string(e.Message))
			got[n] = true
		}
		p.answer(t, wire.Handled, all...)
		return s.messages(t) == 0
	})
}

// Killed at any moment, also while it starts, an outbox loses nothing that it said was
// stored, and never takes the traces of a kill for damage.
func TestKill(t *testing.T) {
	const rounds, most = 40, 100_000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	stored, got := map[int]bool{}, map[int]bool{}
	for round := range rounds {
		for _, line := range killed(t, dir, round*most+1, round%2 == 0, time.Duration(random.IntN(250))*time.Millisecond) {
			word, value, _ := strings.Cut(line, " ")
			n, err := strconv.Atoi(value)
			switch {
			case word == "stored" && err == nil:
				stored[n] = true
			case word == "got" && err == nil:
				got[n] = true
			case word == "error":
				t.Fatalf("round %d: %s", round, line)
			}
		}
	}
	s := newSite(t, func(s *site) {
		s.config, s.spec = childSite(dir)
		s.config.Send = s.peers.send
	}).open(t)
	drain(t, s, got)
	lost := 0
	for n := range stored {
		if !got[n] {
			lost++
		}
	}
	t.Logf("%d stored, %d taken", len(stored), len(got))
	if lost > 0 || len(stored) < rounds/2 { // on a busy machine a child has time for few
		t.Errorf("%d of %d are lost", lost, len(stored))
	}
}
