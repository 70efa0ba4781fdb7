package mesh_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/configtest"
)

// limitedFile is a file with a rule of each origin; nobody is at the peer's URL.
const limitedFile = `name: clue-1
listen: 127.0.0.1:0
seed: {file: clue-1.nk}
peers:
  - {name: hunt-1, url: "nats-leaf://127.0.0.1:1", key: ` + configtest.KeyB + `}
  - {name: score-1, key: ` + configtest.KeyA + `, may_import: all}
limits:
  - {event: clue.clue.solved, by: key, limit: {rate: 20/h, burst: 2}}
exports:
  - {event: clue.clue.solved, limit: {rate: 1/h, burst: 3}}
imports:
  - {event: hunt.clue.unlocked, limit: {rate: 5/s, policy: shed}}
`

// A service that reads its file again and sets what it says has the rules that it had, those of
// exports and imports too, with what is in their buckets.
func TestRulesOfAFileThatIsReadAgain(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	file := filepath.Join(folder, "clue.yaml")
	read := func(text string) (c mesh.Config) {
		configtest.WriteFile(t, file, text, 0o644)
		if err := config.LoadYAML(file, &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := read(limitedFile)
	log, lines := recordLog()
	c.Logger = log
	n, err := mesh.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(within(t)) })
	before := n.Rules()
	if len(before) != 3 || before[1].Place != mesh.AtExport || before[2].Place != mesh.AtImport {
		t.Fatalf("rules %+v", before)
	}
	emitted := 0
	solve := func(times int) (admitted int) {
		for range times {
			emitted++
			if clueSolved.Emit(n.Context(t.Context()), solved{Team: fmt.Sprint(emitted)}) == nil {
				admitted++
			}
		}
		return admitted
	}
	if got := solve(2); got != 2 {
		t.Fatalf("%d of 2 admitted", got)
	}
	again := read(limitedFile)
	if err := n.SetRules(again.Rules()); err != nil {
		t.Fatal(err)
	}
	if got := n.Rules(); !slices.Equal(got, before) {
		t.Errorf("rules %+v, want %+v", got, before)
	}
	if got := solve(5); got != 1 {
		t.Errorf("%d admitted, want the 1 that was left to the export", got)
	}
	again = read(strings.Replace(limitedFile, "rate: 1/h, burst: 3", "rate: 1/h, burst: 9", 1))
	if err := n.SetRules(again.Rules()); err != nil {
		t.Fatal(err)
	}
	if got := solve(20); got != 9 {
		t.Errorf("%d admitted, want the 9 of the export's new limit", got)
	}
	const gone = "is no longer in force"
	if got := lines(); slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, gone) }) {
		t.Errorf("nothing has gone, and the log says\n%s", strings.Join(got, "\n"))
	}
	for range 2 { // the second time nothing goes
		if err := n.SetRules(again.Limits); err != nil {
			t.Fatal(err)
		}
	}
	told := strings.Join(slices.DeleteFunc(lines(), func(l string) bool { return !strings.Contains(l, gone) }), "\n")
	if strings.Count(told, gone) != 2 || !strings.Contains(told, "export "+gone+`" node=clue-1 type=clue.clue.solved`) ||
		!strings.Contains(told, "import "+gone+`" node=clue-1 type=hunt.clue.unlocked`) {
		t.Errorf("the limits of the export and the import have gone, and the log says\n%s", told)
	}
}

// What Open refuses of a rule SetRules refuses with the same problems, and changes nothing, also if
// only one of many is wrong.
func TestSetRulesRefusesWhatOpenRefuses(t *testing.T) {
	good := mesh.Rule{Event: "core.step.taken", Limit: slowly(2)}
	node := mesh.Config{Limits: []mesh.Rule{good}, Handlers: []mesh.Handler{stepTaken.Handle("take", nothing)}}
	for name, test := range map[string]struct {
		rule  mesh.Rule
		field string
	}{
		"a type that is not declared":       {mesh.Rule{Event: "core.step.takne", Limit: slowly(1)}, "event"},
		"no subject":                        {mesh.Rule{Event: "nonsense", Limit: slowly(1)}, "event"},
		"a handler that there is not":       {mesh.Rule{Event: ">", Place: mesh.AtHandler, Handler: "nobody", Limit: slowly(1)}, "handler"},
		"events that its handler never has": {mesh.Rule{Event: "core.step.repeated", Place: mesh.AtHandler, Handler: "take", Limit: slowly(1)}, "event"},
		"a bucket for nothing known":        {mesh.Rule{Event: ">", By: "team", Limit: slowly(1)}, "by"},
		"a place that there is not":         {mesh.Rule{Event: ">", Place: "inside", Limit: slowly(1)}, "place"},
		"a root that is no subject":         {mesh.Rule{Event: ">", Root: "team", Limit: slowly(1)}, "root"},
		"the same twice":                    {mesh.Rule{Event: "core.step.taken", Limit: slowly(9)}, "event"},
		"no limit":                          {mesh.Rule{Event: ">"}, "limit"},
		"an unknown policy":                 {mesh.Rule{Event: ">", Limit: mesh.Limit{Rate: 1, Policy: "block"}}, "limit.policy"},
	} {
		t.Run(name, func(t *testing.T) {
			n := openCore(t, node)
			rules := []mesh.Rule{good, {Event: "core.step.repeated", Limit: slowly(1)}, test.rule}
			before := n.Rules()
			bad := node
			bad.Name, bad.Limits = "core-2", rules
			_, opened := mesh.Open(t.Context(), bad)
			set := n.SetRules(rules)
			var want, got []string
			for _, e := range config.FieldErrors(opened) {
				want = append(want, e.Error())
			}
			for _, e := range config.FieldErrors(set) {
				got = append(got, e.Error())
			}
			var first *config.FieldError
			if !errors.As(set, &first) || first.Field != "limits[2]."+test.field || !slices.Equal(got, want) {
				t.Errorf("SetRules says\n%s\nand Open\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if got := n.Rules(); !slices.Equal(got, before) {
				t.Errorf("the rules are now %+v", got)
			}
			if got := emitMany(t, n, stepRepeated, "a", 9); got != 9 {
				t.Errorf("%d of 9 admitted: the new rule is in force", got)
			}
		})
	}
}
