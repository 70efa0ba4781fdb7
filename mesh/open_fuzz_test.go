package mesh

import (
	"context"
	"fmt"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/configtest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What a program declares that opens configtest.Full.
var (
	answerSubmitted = NewEvent[int]("clue.answer.submitted")
	_               = NewEvent[int]("clue.clue.solved")
	_               = NewEvent[int]("clue.hint.taken")
	teamFinished    = NewEvent[int]("hunt.team.finished")
)

func TestFullYAMLHasEveryField(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	var c Config
	if err := loadText(t, folder, configtest.Full, &c); err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	markGiven(given, "", reflect.ValueOf(c))
	// One source excludes the other, and certificates exclude plain links.
	secret := map[string]bool{".seed.env": true, ".tap.password.file": true, ".links.plain_seed.env": true, ".hub.seed.env": true, ".hub.ca": true, ".hub.credentials": true,
		".links.ca": true, ".links.certificate": true, ".links.key": true}
	for field, is := range given {
		if !is && !secret[field] {
			t.Errorf("configtest.Full has no %s", field)
		}
	}
}

// loadText loads a YAML text as node.yaml in a folder.
func loadText(t testing.TB, folder, text string, into config.Validator) error {
	t.Helper()
	path := filepath.Join(folder, "node.yaml")
	configtest.WriteFile(t, path, text, 0o644)
	return config.LoadYAML(path, into)
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
	folder, _ := configtest.NewFolder(f)
	f.Add(configtest.Good)
	f.Add(configtest.Full)
	for _, cut := range []string{"name: newest, ", "by: key, ", "place: emit, ", "keys: 7, ", "within: 2s, ", "burst: 50, ", "root: clue.answer.submitted, ", "handler: judge, ", ", policy: refuse", "depth: 31, "} {
		f.Add(strings.Replace(configtest.Full, cut, "", 1))
	}
	for _, change := range [][2]string{
		{`place: export, event: "clue.hint.*", by: type, `, "place: export, event: clue.hint.taken, "}, // as the export's own limit
		{"kept_for: [score]", "durable: [score, hunt]"}, {"ordered: true, ", ""}, {"sync: always", "sync: 5s"}, {"durable: true, ", ""}, {"data: data", ""},
		{`place: import, event: hunt.clue.unlocked, by: peer, `, "place: import, event: hunt.clue.unlocked, "},
		{"clue.answer.*", "*.*.*"}, {"place: handler, handler: judge", "place: handler"}, {"policy: coalesce", "policy: shed"}, {"max_payload: 4096", "max_payload: 1024"},
		{"localhost:0", "[::1]:0"}, {"watcher", `"a b\"{}"`},
	} {
		f.Add(strings.Replace(configtest.Full, change[0], change[1], 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c Config
		if loadText(t, folder, text, &c) != nil {
			return
		}
		stayHere(&c)
		if c.IsDurable() {
			c.Data = Path(t.TempDir())
		}
		nothing := func(context.Context, int) error { return nil }
		c.Handlers = []Handler{answerSubmitted.Handle("judge", nothing), teamFinished.Handle("finish", nothing)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n, err := Open(ctx, c)
		if err != nil {
			if len(config.FieldErrors(err)) == 0 {
				t.Errorf("%v\nno field is said to be wrong in\n%s", err, text)
			}
			return
		}
		if err := n.SetRules(n.Rules()); err != nil {
			t.Errorf("the rules in force cannot be set: %v", err)
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
