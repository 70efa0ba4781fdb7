package main

import (
	"maps"
	"reflect"
	"slices"

	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/config"
)

type diffCommand struct {
	printed
	Old string `arg:"" type:"path" help:"A node file."`
	New string `arg:"" type:"path" help:"Another one of the same node."`
}

// Help is shown by meshctl diff --help.
func (diffCommand) Help() string {
	return `Two node files are compared as a reload compares them: what means the same is no difference. Files of
secrets are not read. Of a service's file the keys beside mesh are compared as they are written. Their
values are not shown, as only the program knows which are secret, nor whether they need a restart. The
new file may lie anywhere: its relative paths are read as where the old one is.

  meshctl diff clue.yaml clue.new.yaml`
}

// ownDiff is a key of the program's own whose value differs.
type ownDiff struct {
	Field string `json:"field"`
	// Own says that only the program knows what the key means.
	Own bool `json:"own"`
}

// Run compares the files.
func (c diffCommand) Run(out output) error {
	old, err := nodeOf(c.Old)
	if err != nil {
		return err
	}
	next, err := nodeFor(c.New, c.Old)
	if err != nil {
		return err
	}
	changes := config.Diff(old, next)
	own := diffOwn("", ownKeys(c.Old), ownKeys(c.New))
	if len(own) == 0 {
		return printChanges(out, c.Output, changes)
	}
	rows := []any{}
	for _, one := range changes {
		rows = append(rows, one)
	}
	for _, field := range own {
		rows = append(rows, ownDiff{field, true})
	}
	return c.Output.Write(out.results, rows, func() show.Table {
		t := changesTable(changes)
		for _, field := range own {
			t.Add(field, "(not shown)", "(not shown)", "what the program says")
		}
		return t
	})
}

// ownKeys are those of a service's file that are the program's own; none of a file of a node alone,
// in which there are no others.
func ownKeys(file string) map[string]any {
	var keys topKeys
	_ = config.LoadYAML(file, &keys) // its errors came before
	if _, under := keys.All["mesh"]; !under {
		return nil
	}
	own := maps.Clone(keys.All)
	delete(own, "mesh")
	return own
}

// diffOwn lists the keys whose values differ, the deepest that do.
func diffOwn(above string, old, next map[string]any) (fields []string) {
	all := map[string]bool{}
	for _, keys := range []map[string]any{old, next} {
		for key := range keys {
			all[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		before, now := old[key], next[key]
		below, isMap := before.(map[string]any)
		belowNow, isMapNow := now.(map[string]any)
		switch {
		case isMap && isMapNow:
			fields = append(fields, diffOwn(above+key+".", below, belowNow)...)
		case !reflect.DeepEqual(before, now):
			fields = append(fields, above+key)
		}
	}
	return fields
}
