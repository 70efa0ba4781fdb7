package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestPlayForAWhile plays for three seconds and reads what it prints.
func TestPlayForAWhile(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Setenv("TMPDIR", t.TempDir())
	status, out, err := run(t.Context(), "-for", "3s", "-teams", "20", "-http", "127.0.0.1:0")
	if status != 0 || err != "" {
		t.Fatalf("status %d, error %q", status, err)
	}
	for _, want := range []string{
		`20 teams play "The Lamp at Gannet Rock"`,
		`^[^\n]*\n\n  console  http://127\.0\.0\.1:\d+\n`, `clue-1   http://127\.0\.0\.1:\d+\n`, `hunt-1   http://`, `score-1  http://.*/v1/leaderboard`,
		`00:0\d  guesses \d+  solves \d+  finished \d+  events local \d+ exported \d+ imported \d+ shed 0  links 4/4\n`,
		`(?s)00:0\d  guesses.*00:0\d  guesses`, `rank  points  solves`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "guesses 0  solves 0  finished 0  events local 0 exported 0 imported 0 shed 0  links 4/4\n\nrank") {
		t.Errorf("nothing happened:\n%s", out)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("temporary folders are left: %v, %v", left, err)
	}
}

// TestPlayUntilInterrupted plays until Ctrl-C, which is the end of its context, with a live stream
// open, and then goes on with the same databases.
func TestPlayUntilInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t)
	data := t.TempDir()
	for round := range 2 {
		reader, writer := io.Pipe()
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		status := make(chan int)
		go func() {
			p := &play{teams: 5, http: "127.0.0.1:0", data: data, think: 10 * time.Millisecond}
			code := 0
			if err := p.run(ctx, streams{out: writer, err: io.Discard}); err != nil {
				t.Errorf("round %d: %v", round, err)
				code = 1
			}
			_ = writer.Close() // never fails
			status <- code
		}()
		out := &transcript{reader: reader}
		console := out.until(t, regexp.MustCompile(`console  (\S+)`))[1]
		page, err := http.Get(console)
		if err != nil || page.StatusCode != http.StatusOK {
			t.Fatalf("the first URL that is printed: %v, %+v", err, page)
		}
		if err := page.Body.Close(); err != nil {
			t.Error(err)
		}
		looks, err := http.Get(console + "/api/live")
		if err != nil {
			t.Fatal(err)
		}
		defer looks.Body.Close()
		url := out.until(t, regexp.MustCompile(`live: (\S+)`))[1]
		stream, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		want := `00:\d\d  guesses [1-9]`
		if round > 0 {
			want = `00:\d\d  ` // They may have solved all.
		}
		out.until(t, regexp.MustCompile(want))
		interrupt()
		go io.Copy(io.Discard, reader) //nolint:errcheck // ends with the writer
		if code := <-status; code != 0 {
			t.Errorf("round %d: status %d", round, code)
		}
		if err := stream.Body.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}
}

// transcript is what has been printed so far.
type transcript struct {
	reader io.Reader
	text   []byte
}

// until reads until a pattern has appeared, and returns what it matched.
func (tr *transcript) until(t *testing.T, pattern *regexp.Regexp) []string {
	t.Helper()
	buffer := make([]byte, 4096)
	for {
		if found := pattern.FindStringSubmatch(string(tr.text)); found != nil {
			return found
		}
		n, err := tr.reader.Read(buffer)
		tr.text = append(tr.text, buffer[:n]...)
		if err != nil {
			t.Fatalf("%v before %q came, in\n%s", err, pattern, tr.text)
		}
	}
}

// A port that another process has is an error with the remedy, whether it is an API's or the
// console's.
func TestPlayOnATakenPort(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, after := range []int{0, 3} { // clue's, and the console's
		address, taken := takenPort(t, after)
		status, _, err := run(t.Context(), "-for", "1s", "-teams", "1", "-http", address)
		if status != 1 || !strings.Contains(err, "address already in use: choose other ports, as by -http 127.0.0.1:0") {
			t.Errorf("port %d is taken: exit %d, %s", after, status, err)
		}
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	}
}

// takenPort returns the first address of four ports in a row, of which one is taken and the others
// are free.
func takenPort(t *testing.T, which int) (first string, taken net.Listener) {
	t.Helper()
search:
	for port := 21000 + os.Getpid()%5000; port < 32000; port += 4 {
		var all [4]net.Listener
		for i := range all {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+i)))
			if err != nil {
				for _, earlier := range all[:i] {
					_ = earlier.Close() // listened only to see whether it may
				}
				continue search
			}
			all[i] = l
		}
		for i, l := range all {
			if i != which {
				_ = l.Close() // listened only to see whether it may
			}
		}
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), all[which]
	}
	t.Fatal("no free ports")
	return "", nil
}
