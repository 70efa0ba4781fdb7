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

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/leaf"
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
		MaxBytes:   127_000, // small files, and many of them
		Duplicates: 100 * time.Millisecond,
		Logger:     log,
		tuning:     tuning{interval: 3 * time.Millisecond},
	}
	return config, leaf.Spec{Name: "clue-1", Outbox: &leaf.Outbox{Dir: dir, MaxBytes: 1 << 20}, Logger: log}
}

func childConsumer(subject string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       ConsumerName("score", subject),
		FilterSubject: subject + ".*",
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       time.Second,
	}
}

// storingChild stores messages from a number on and takes them. It prints "got n" before it
// acknowledges and "stored n" when that is certain, until it is killed.
func storingChild() {
	ctx := context.Background()
	config, spec := childSite(os.Args[1])
	from, _ := strconv.Atoi(os.Args[2])
	server, err := leaf.Start(ctx, spec)
	fail(err)
	conn, err := server.Connect(leaf.Out)
	fail(err)
	config.Reset = server.ResetOutbox
	o, err := Open(ctx, conn, config)
	fail(err)
	for _, subject := range []string{solved, taken} {
		c, err := o.stream.CreateOrUpdateConsumer(ctx, childConsumer(subject))
		fail(err)
		_, err = c.Consume(func(m jetstream.Msg) {
			say("got %s", m.Data())
			_ = m.Ack()
		})
		fail(err)
	}
	for n := from; ; n++ {
		subject := solved
		if n%3 == 0 {
			subject = taken
		}
		p, err := o.Store(ctx, subject+".t1", id(n), fmt.Appendf(nil, "%d", n))
		fail(err)
		go func() {
			if p.Wait(ctx) == nil {
				say("stored %d", n)
			}
		}()
		time.Sleep(50 * time.Microsecond)
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
func killed(t *testing.T, dir string, from int, working bool, after time.Duration) []string {
	t.Helper()
	c := child(t, "store", dir, strconv.Itoa(from))
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

// drain takes what is left until the outbox is empty.
func drain(t *testing.T, s *site, got map[int]bool) {
	t.Helper()
	eventually(t, "the outbox is empty", func() bool {
		for _, subject := range []string{solved, taken} {
			c, err := s.stream.CreateOrUpdateConsumer(timeout(t), childConsumer(subject))
			if err != nil {
				t.Fatal(err)
			}
			batch, err := c.FetchNoWait(10_000)
			if err != nil {
				t.Fatal(err)
			}
			for m := range batch.Messages() {
				n, _ := strconv.Atoi(string(m.Data()))
				got[n] = true
				_ = m.Ack()
			}
		}
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
	s := newSite(t, func(s *site) { s.config, s.spec = childSite(dir) }).open(t)
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
