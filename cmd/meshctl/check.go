package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

type checkCommand struct {
	NoSecrets bool     `help:"Do not ask for the files and environment variables of secrets and keys to be there, as on a machine that is not the node's."`
	Files     []string `arg:"" name:"file" help:"Node files: a node's configuration alone, or a service's with it under the key mesh."`
}

// Help is shown by meshctl check --help.
func (checkCommand) Help() string {
	return `A good file is answered by "FILE: ok" on standard output. Problems go to standard error,
one a line: FILE:LINE: field: what is wrong; what would be right.

A program reads its node at the top level of the file, as those of meshctl new do, or under
the key mesh, beside settings of its own. Only the program knows which. Of a file with the
key mesh the answer says so, and only the part under mesh is checked; the program itself
checks the rest when it starts. What a file says of handlers and event types is compared
with the program's when it starts, too.

  meshctl check configs/clue.yaml configs/hunt.yaml configs/score.yaml
  meshctl check --no-secrets configs/clue.yaml`
}

// Run checks each file.
func (c checkCommand) Run(out output) error {
	var result error
	for _, file := range c.Files {
		problems, under := c.check(file)
		if len(problems) == 0 {
			form := ""
			if under {
				form = ", for a program that reads its node under mesh; one made by meshctl new reads it at the top level"
			}
			if _, err := fmt.Fprintf(out.results, "%s: ok%s\n", file, form); err != nil {
				return err
			}
			continue
		}
		result = errReported
		for _, p := range problems {
			if _, err := fmt.Fprintln(out.problems, p); err != nil {
				return err
			}
		}
	}
	return result
}

// check gives the problems of a file, and whether its node stands under the key mesh.
func (c checkCommand) check(file string) (problems []error, under bool) {
	var into config.Validator = &mesh.Config{}
	var keys topKeys
	// The first look is only for the key mesh. Its errors come again below.
	_ = config.LoadYAML(file, &keys)
	if _, under = keys.All["mesh"]; under || keys.misnamed() != "" {
		into = &serviceFile{}
	}
	for _, e := range config.FieldErrors(config.LoadYAML(file, into)) {
		if !c.NoSecrets || !errors.Is(e, config.ErrSecret) {
			problems = append(problems, e)
		}
	}
	return problems, under
}

// topKeys takes any YAML mapping.
type topKeys struct {
	All map[string]any `yaml:",inline"`
}

// misnamed gives the key under which a node's configuration stands that is not under mesh, or "".
func (k topKeys) misnamed() string {
	for _, key := range slices.Sorted(maps.Keys(k.All)) {
		if node, _ := k.All[key].(map[string]any); isNode(node) {
			return key
		}
	}
	return ""
}

// isNode reports whether a mapping is a node's configuration, by keys that no other one has
// together.
func isNode(table map[string]any) bool {
	_, named := table["name"]
	return named && slices.ContainsFunc([]string{"listen", "seed", "peers", "exports", "imports", "limits"},
		func(key string) bool { _, found := table[key]; return found })
}

func (topKeys) Validate() error { return nil }

// serviceFile is a service's file of which only the mesh's part is known.
type serviceFile struct {
	Mesh   mesh.Config    `yaml:"mesh"`
	Others map[string]any `yaml:",inline"`
}

// Validate checks the mesh's part. Of one that stands elsewhere, or in two places, only that is
// said.
func (f *serviceFile) Validate() error {
	if f.Mesh.Name == "" && isNode(f.Others) {
		return &config.FieldError{Field: "mesh", Problem: "a part of the node stands under this key, and the rest of it at the top level",
			Remedy: "move these keys out of mesh, for a program that reads its node at the top level, as those of meshctl new do; or move all others of the node into it"}
	}
	if at := (topKeys{f.Others}).misnamed(); at != "" && reflect.ValueOf(f.Mesh).IsZero() {
		return &config.FieldError{Field: at, Problem: "unknown key, with a node's configuration under it", Remedy: "did you mean mesh?"}
	}
	return config.InField("mesh", f.Mesh.Validate())
}
