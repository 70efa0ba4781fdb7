package mesh

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// fullYAML has every field of a configuration.
const fullYAML = `name: clue-1
listen: 127.0.0.1:7401
seed: {file: clue-1.nk}
peers:
  - {name: hunt-1, url: "nats-leaf://127.0.0.1:7402"}
  - {name: score-1, key: UDQAFUQGA6CIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ}
  - {name: score-2, key_file: score-2.pub}
limits:
  - {name: newest, place: emit, event: "clue.answer.*", root: clue.answer.submitted, by: key, keys: 7, within: 2s, limit: {rate: 20/min, burst: 50, policy: coalesce}}
  - {event: clue.answer.submitted, by: root, limit: {rate: 200/s, burst: 9, policy: refuse}}
  - {name: sent, place: export, event: "score.>", by: type, limit: {rate: 3/h, policy: shed}}
  - {place: import, event: hunt.clue.unlocked, by: peer, limit: {rate: 1000000000/s, policy: wait}}
  - {name: paced, place: handler, handler: judge, event: clue.answer.submitted, limit: {rate: 0.5/s, burst: 1000000, policy: wait}}
  - {name: few, place: handler, handler: judge, event: clue.answer.submitted, by: key, concurrency: 2}
cascades:
  - {depth: 31, descendants: 1000000, loops: 31, deadline: 9h}
  - {root: clue.answer.submitted, depth: 1}
alarms: {factor: 2.5, gain: 0.1}
exports:
  - {event: clue.clue.solved, durable: [score], limit: {rate: 5/s, burst: 1, policy: refuse}}
  - {event: clue.hint.taken, limit: {rate: 5/s, policy: wait}}
imports:
  - {event: hunt.clue.unlocked, delivery: each, limit: {rate: 5/s, burst: 1, policy: shed}}
  - {event: hunt.team.finished, delivery: shared, durable: true, ordered: true, redelivery: {tries: 3, after: 2s, max: 4s}}
data: data
outbox: {max_age: 48h, max_bytes: 2097152, max_events: 10, sync: always}
tap: {listen: "localhost:0", user: watcher, password: {env: TAP_PASSWORD}}
max_payload: 4096
`

// What a program declares that opens fullYAML.
var (
	answerSubmitted = NewEvent[int]("clue.answer.submitted")
	_               = NewEvent[int]("clue.clue.solved")
	_               = NewEvent[int]("clue.hint.taken")
	teamFinished    = NewEvent[int]("hunt.team.finished")
)

func TestFullYAMLHasEveryField(t *testing.T) {
	folder, _ := newFolder(t)
	var c Config
	if err := loadText(t, folder, fullYAML, &c); err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	markGiven(given, "", reflect.ValueOf(c))
	secret := map[string]bool{".seed.env": true, ".tap.password.file": true} // one source excludes the other
	for field, is := range given {
		if !is && !secret[field] {
			t.Errorf("fullYAML has no %s", field)
		}
	}
}

// markGiven notes which fields with a YAML form are anywhere above zero.
func markGiven(given map[string]bool, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if name != "" && name != "-" {
				markGiven(given, path+"."+name, v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			markGiven(given, path, v.Index(i))
		}
		given[path] = given[path] || v.Len() > 0
	case reflect.Pointer:
		markGiven(given, path, v.Elem())
	default:
		given[path] = given[path] || !v.IsZero()
	}
}

// FuzzOpen: whatever LoadYAML accepts opens, on this machine's own ports, or
// Open says which field is wrong; the rules that are then in force can be set
// again; and the node closes.
func FuzzOpen(f *testing.F) {
	folder, _ := newFolder(f)
	f.Add(goodYAML)
	f.Add(fullYAML)
	for _, cut := range []string{"name: newest, ", "by: key, ", "place: emit, ", "keys: 7, ", "within: 2s, ", "burst: 50, ", "root: clue.answer.submitted, ", "handler: judge, ", ", policy: refuse", "depth: 31, "} {
		f.Add(strings.Replace(fullYAML, cut, "", 1))
	}
	for _, change := range [][2]string{
		{`place: export, event: "score.>", by: type, `, "place: export, event: clue.hint.taken, "}, // as the export's own limit
		{"durable: [score]", "durable: [score, hunt]"}, {"ordered: true, ", ""}, {"sync: always", "sync: 5s"}, {"durable: true, ", ""}, {"data: data", ""},
		{`place: import, event: hunt.clue.unlocked, by: peer, `, "place: import, event: hunt.clue.unlocked, "},
		{"clue.answer.*", "*.*.*"}, {"place: handler, handler: judge", "place: handler"}, {"policy: coalesce", "policy: shed"}, {"max_payload: 4096", "max_payload: 1024"},
		{"localhost:0", "[::1]:0"}, {"watcher", `"a b\"{}"`},
	} {
		f.Add(strings.Replace(fullYAML, change[0], change[1], 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c Config
		if loadText(t, folder, text, &c) != nil {
			return
		}
		stayHere(&c)
		if c.keeps() {
			c.Data = Path(t.TempDir())
		}
		nothing := func(context.Context, int) error { return nil }
		c.Handlers = []Handler{answerSubmitted.Handle("judge", nothing), teamFinished.Handle("finish", nothing)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n, err := Open(ctx, c)
		if err != nil {
			if len(FieldErrors(err)) == 0 {
				t.Errorf("%v\nno field is said to be wrong in\n%s", err, text)
			}
			return
		}
		if err := n.SetRules(n.Rules()); err != nil {
			t.Errorf("the rules in force can not be set: %v", err)
		}
		if err := n.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

// stayHere keeps a node from listening and dialing anywhere but on this machine.
func stayHere(c *Config) {
	if c.Listen != "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Tap != nil {
		c.Tap.Listen = "127.0.0.1:0"
	}
	for i := range c.Peers {
		if c.Peers[i].URL != "" {
			c.Peers[i].URL = fmt.Sprintf("nats-leaf://127.0.0.1:%d", 1+i) // nobody is there
		}
	}
}
