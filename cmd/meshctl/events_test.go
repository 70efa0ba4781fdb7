package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// meshctlWith runs the command line with something on standard input.
func meshctlWith(stdin string, args ...string) (stdout, stderr string, code int) {
	var out, problems bytes.Buffer
	code = run(context.Background(), args, input{strings.NewReader(stdin)}, output{results: &out, problems: &problems})
	return out.String(), problems.String(), code
}

// What is emitted is seen at the taps of all nodes that it comes to, and what a tap shows can be
// emitted.
func TestEmitAndTap(t *testing.T) {
	servers, _ := openMesh(t)
	stop, done := make(chan struct{}), make(chan string)
	go func() { // until it is seen: a tap shows what comes after it listens
		for {
			stdout, stderr, code := meshctlWith(`{"1":"otters"}`, "emit", "clue.answer.given", "otters", "-s", servers[1], "-s", servers[0])
			if code != 0 || !strings.HasPrefix(stdout, "admitted at clue-1: 01") {
				done <- fmt.Sprintf("exit %d, %q, %q", code, stdout, stderr)
				return
			}
			select {
			case <-stop:
				done <- ""
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	stdout, stderr, code := meshctl("tap", "clue.clue.solved", "-s", servers[1], "-s", servers[0], "--count", "6", "--for", "15s")
	diagnostic, _, _ := meshctl("tap", "clue.>", "score.>", "--key", "otters", "-s", servers[1], "-s", servers[0], "--count", "20", "--for", "15s", "-o", "diagnostic")
	other, quiet, late := meshctl("tap", "--key", "owls", "-s", servers[1], "--count", "1", "--for", "100ms")
	limited, told := "", ""
	for wait := 200 * time.Millisecond; told == "" && wait < time.Minute; wait *= 2 { // a busy machine needs longer for two events
		limited, told, _ = meshctl("tap", "clue.>", "-s", servers[0], "--rate", "1/s", "--for", wait.String())
	}
	close(stop)
	if problem := <-done; problem != "" {
		t.Fatal(problem)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || stderr != "" || len(lines) != 6 {
		t.Fatalf("exit %d, %q\n%s", code, stderr, stdout)
	}
	at := map[string]int{}
	for _, line := range lines {
		var e shownEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		at[e.Node]++
		if e.From != "clue-1" || e.Type != "clue.clue.solved" || e.Key != "otters" || e.Event == e.Root || e.Parent != e.Root || len(e.Path) != 2 || string(e.Value) != `{"1":"otters"}` || time.Since(e.At) > time.Minute {
			t.Errorf("%s", line)
		}
	}
	if at["clue-1"] == 0 || at["score-1"] == 0 {
		t.Errorf("seen at %v", at)
	}
	if !strings.Contains(diagnostic, `score-1 score.points.awarded "otters" 01`) || !strings.Contains(diagnostic, ` {1: "otters"}`+"\n") || !strings.Contains(diagnostic, "clue-1 clue.answer.given ") {
		t.Errorf("%s", diagnostic)
	}
	if other != "" || quiet != "" || late != 1 {
		t.Errorf("another key: exit %d, %q, %q", late, other, quiet)
	}
	if strings.Count(limited, "\n") == 0 || !strings.Contains(told, "events left out: more than 1/s came (--rate)\n") {
		t.Errorf("limited: %q, %q", limited, told)
	}
}

// A type that no node knows is as silent as one of which nothing comes: then it is said.
func TestTapOfATypeThatNobodyKnows(t *testing.T) {
	servers, _ := openMesh(t)
	for args, want := range map[string]string{
		"clue.clue.solvd":         "meshctl: no node that was asked knows an event type that matches clue.clue.solvd: meshctl graph shows all\n",
		"clue.> hint.*.taken":     "meshctl: no node that was asked knows an event type that matches hint.*.taken: meshctl graph shows all\n",
		"clue.clue.solved.owls":   "",
		"score.> *.clue.solved >": "",
	} {
		stdout, stderr, code := meshctl(append([]string{"tap", "-s", servers[0], "-s", servers[1], "--for", "100ms"}, strings.Fields(args)...)...)
		if code != 0 || stdout != "" || stderr != want {
			t.Errorf("%s: exit %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

// What is not emitted is said, with the reason and an exit code.
func TestEmitIsRefused(t *testing.T) {
	servers, _ := openMesh(t)
	for _, test := range []struct {
		stdin, args, want string
	}{
		{"", "clue.answer.given otters {\"1\":\"otters\"}", "0 admitted at clue-1: 01"},
		{"", "-o json clue.answer.given otters {\"1\":\"otters\"}", "0 {\n  \"node\": \"clue-1\",\n  \"verdict\": \"admitted\",\n  \"event\": \"01"},
		{"\xa1\x01\x66otters", "--cbor clue.answer.given otters", "0 admitted at clue-1: 01"},
		{"", "clue.answer.given owls {\"1\":\"otters\"}", "1 refused at clue-1 by rule key: clue.answer.given refused at tap by key: its subject has the key \"owls\" and its value has the key \"otters\"\n"},
		{"", "clue.answer.given otters {\"1\":5}", "1 refused at clue-1 by rule malformed: clue.answer.given refused at tap by malformed: "},
		{"", "clue.answer.unknown otters {}", "1 refused at clue-1 by rule unknown-type: "},
		{"", "hunt.clue.unlocked otters {}", "1 refused at clue-1 by rule not-owner: "},
		{"", "--node score-1 clue.answer.given otters {}", "1 refused at score-1 by rule not-owner: "},
		{"", "--node hunt-1 clue.answer.given otters {}", "1 meshctl: hunt-1: this is asked at the node's own tap"},
		{"", "clue.answer.given otters {1}", "1 meshctl: read JSON: invalid character"},
		{"", "clue.answer.given otters", "1 meshctl: read JSON: it ends too early\n"},
		{"", "--cbor clue.answer.given otters {}", "1 meshctl: with --cbor the value is read from standard input"},
		{"", "clue.given otters {}", "1 meshctl: \"clue.given\" is no event type: a type has three words"},
		{"", "Clue..given otters {}", "1 meshctl: \"Clue..given\" is no event type"},
		{"", "clue.answer.given", "2 meshctl: expected \"<key>"},
	} {
		stdout, stderr, code := meshctlWith(test.stdin, append([]string{"emit", "-s", servers[0], "-s", servers[1]}, strings.Fields(test.args)...)...)
		if got := fmt.Sprint(code) + " " + stdout + stderr; !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", test.args, got, test.want)
		}
	}
	if stdout, stderr, code := meshctl("emit", "-s", "nats://a:b@127.0.0.1:1", "clue.answer.given", "a", "{}"); code != 1 || stdout != "" || !strings.Contains(stderr, "could not be asked at nats://127.0.0.1:1") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

// A tap whose node goes is named, and ends when there is no other.
func TestTapOfANodeThatGoes(t *testing.T) {
	nodes, servers, _ := openNodes(t)
	type result struct {
		stdout, stderr string
		code           int
	}
	ended := make(chan result)
	go func() {
		stdout, stderr, code := meshctl("tap", "-s", servers[0], "-s", "nats://a:b@127.0.0.1:1")
		ended <- result{stdout, stderr, code}
	}()
	deadline := time.Now().Add(10 * time.Second)
	for nodes[0].Stats().Total("tapped") == 0 {
		if time.Now().After(deadline) {
			t.Fatal("nothing is tapped")
		}
		if err := given.Emit(nodes[0].Context(t.Context()), solved{"otters"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if err := nodes[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := <-ended
	if r.code != 1 || !strings.Contains(r.stderr, "meshctl: nats://127.0.0.1:1: could not be asked at ") || !strings.Contains(r.stderr, ": the connection was lost\n") || !strings.Contains(r.stdout, "clue.answer.given") {
		t.Errorf("exit %d, %q\n%s", r.code, r.stderr, r.stdout)
	}
}

// What is no pattern, rate, number or duration is an error, and not taken for one that was left
// out.
func TestTapTakesNoNonsense(t *testing.T) {
	for args, want := range map[string]string{
		"bad..pattern":    "1 meshctl: \"bad..pattern\" is no event type and no pattern",
		"clue.answer":     "1 meshctl: \"clue.answer\" is no event type and no pattern",
		"--rate 2":        "2 meshctl: --rate: rate \"2\" is not a positive number with a unit",
		"--rate=-1/s":     "2 meshctl: --rate: rate \"-1/s\" is not a positive number",
		"--count=-1":      "2 meshctl: --count: ",
		"--for=-1s":       "2 meshctl: --for: \"-1s\" is no duration above 0, as in 30s",
		"--for 5":         "2 meshctl: --for: \"5\" is no duration above 0",
		"--rate 20/min":   "1 meshctl: nats://127.0.0.1:1: could not be asked",
		"clue.> --for 1s": "1 meshctl: nats://127.0.0.1:1: could not be asked",
		"*.answer.* *.>":  "1 meshctl: nats://127.0.0.1:1: could not be asked",
	} {
		_, stderr, code := meshctl(append([]string{"tap", "-s", "nats://a:b@127.0.0.1:1"}, strings.Fields(args)...)...)
		if got := fmt.Sprint(code) + " " + stderr; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", args, got)
		}
	}
}

func TestTapSubjects(t *testing.T) {
	otters, none := "the otters", ""
	for _, test := range []struct {
		pattern string
		key     *string
		want    string
	}{
		{">", nil, ">"}, {"clue.>", nil, "clue.>"}, {"clue.answer.judged", nil, "clue.answer.judged.*"}, {"*.answer.*", nil, "*.answer.*.*"},
		{"clue.answer.judged.otters", nil, "clue.answer.judged.otters"},
		{">", &otters, "*.*.*.the%20otters"}, {"clue.>", &otters, "clue.*.*.the%20otters"}, {"clue.answer.judged", &none, "clue.answer.judged.%"},
	} {
		if got := (tapCommand{Key: test.key}).subject(test.pattern); got != test.want {
			t.Errorf("%s: %s, want %s", test.pattern, got, test.want)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, test := range []struct{ stdin, args, want string }{
		{"\xa1\x01\x66otters", "", "0 {\"1\":\"otters\"}\n"},
		{"\xa1\x01\x66otters\x82\x01\x02", "-o diagnostic", "0 {1: \"otters\"}\n[1, 2]\n"},
		{"a10166 6f7474657273\n", "--from hex", "0 {\"1\":\"otters\"}\n"},
		{"oQFmb3R0ZXJz\n", "--from base64", "0 {\"1\":\"otters\"}\n"},
		{"\x01\x82\x01", "", "1 1\nmeshctl: at byte 1: read CBOR: unexpected EOF\n"},
		{"", "", "1 meshctl: there is no CBOR in standard input\n"},
		{"xyz", "--from hex", "1 meshctl: standard input is not hex: "},
		{"xy", "--from other", "2 meshctl: --from must be one of"},
	} {
		stdout, stderr, code := meshctlWith(test.stdin, append([]string{"decode"}, strings.Fields(test.args)...)...)
		if got := fmt.Sprint(code) + " " + stdout + stderr; !strings.HasPrefix(got, test.want) {
			t.Errorf("%q %s: %s, want %s", test.stdin, test.args, got, test.want)
		}
	}
}
