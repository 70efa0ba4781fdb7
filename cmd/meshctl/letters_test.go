package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// Letters are listed with where they came from; why takes the key of one.
func TestLetters(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tap := mesh.Tap{Listen: "127.0.0.1:0", User: "operator", Password: mesh.NewSecret("HT4KCKDU6GDQSHZO5XR6QWKTYA")}
	arrivals := mesh.Import{Event: right.Subject(), Durable: true, Redelivery: mesh.Redelivery{Tries: 1}}
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "clue-1", Data: mesh.Path(t.TempDir()), Exports: []mesh.Export{{Event: right.Subject(), KeptFor: []string{"score"}}}, Handlers: []mesh.Handler{
			given.Handle("judge", func(ctx context.Context, s solved) error { return right.Emit(ctx, s) })}},
		mesh.Config{Name: "score-1", Data: mesh.Path(t.TempDir()), Tap: &tap, MaxPayload: 1 << 10, Imports: []mesh.Import{arrivals}, Handlers: []mesh.Handler{
			right.Handle("award", func(ctx context.Context, s solved) error { return errors.New("no such\tteam") })}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := nodes.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	if err := nodes.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	server := "nats://operator:HT4KCKDU6GDQSHZO5XR6QWKTYA@" + nodes[1].TapAddr()
	if stdout, stderr, code := meshctl("letters", "-s", server); code != 0 || stdout != "No letters.\n" || stderr != "" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	const many = 10 // more than an answer has room for
	for range many {
		if err := given.Emit(nodes[0].Context(ctx), solved{"otters"}); err != nil {
			t.Fatal(err)
		}
	}
	for nodes[1].Stats().Letters.Count < many {
		if ctx.Err() != nil {
			t.Fatal("there are no letters")
		}
		time.Sleep(time.Millisecond)
	}
	stdout, stderr, code := meshctl("letters", "-s", server)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || stderr != "" || len(lines) != 1+many {
		t.Fatalf("exit %d, %q\n%s", code, stderr, stdout)
	}
	for _, part := range []string{"clue.clue.solved", "  otters  award  ", "no such team", "clue-1:clue.answer.given → clue-1:clue.clue.solved"} {
		if !strings.Contains(lines[1], part) {
			t.Errorf("no %q in %s", part, lines[1])
		}
	}
	var list []nodeLetters
	stdout, _, code = meshctl("letters", "-o", "json", "-s", server)
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != 0 || len(list) != 1 || len(list[0].Letters) != many || list[0].Letters[0].Root.IsZero() {
		t.Fatalf("exit %d, %v in %s", code, err, stdout)
	}
	stdout, _, code = meshctl("why", "-s", server, list[0].Letters[0].Key)
	if code != 0 || !strings.Contains(stdout, "handler award on score-1: ") || !strings.Contains(stdout, "handler judge on clue-1: handled") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	if stdout, stderr, code := meshctl("letters", "-s", "nats://a:b@127.0.0.1:1"); code != 1 || stdout != "No letters.\n" || !strings.Contains(stderr, "could not be asked") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}
