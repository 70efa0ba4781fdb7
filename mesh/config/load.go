package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"leafmesh/mesh/internal/document"
)

// Validator is a configuration that can check itself: a *[Node], or a pointer to a service's own
// struct with a Node in it.
type Validator interface {
	// Validate returns every problem at once, nil for none: FieldErrors joined, their Field
	// relative to the receiver. See [InField].
	Validate() error
}

// Path is the path of a file or folder in a configuration. In YAML it is relative to the folder of
// the YAML file, not to where the process happens to be started; [LoadYAML] makes it absolute. Use
// it for the paths of a service's own: `Data config.Path` with the tag `yaml:"data"`. Empty stays
// empty.
type Path string

// relative is a value with paths in it that are relative to the YAML file.
type relative interface{ relativeTo(folder string) }

func (p *Path) relativeTo(folder string)   { *p = Path(absolute(folder, string(*p))) }
func (s *Secret) relativeTo(folder string) { s.File = absolute(folder, s.File) }
func (p *Peer) relativeTo(folder string) {
	p.KeyFile, p.NextKeyFile = absolute(folder, p.KeyFile), absolute(folder, p.NextKeyFile)
}

func absolute(folder, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// LoadYAML reads a YAML file into a configuration and validates it. into is a pointer to a struct;
// what it holds before are defaults, which stay where the file says nothing.
//
// It is strict. Wrong are: an unknown key, a key that stands twice, a value of the wrong kind (a
// number where a text belongs, too), a second document, anchors, aliases and tags, more than 1 MiB,
// 10,000 keys or 64 levels of brackets, a number with leading zeros. A byte order mark at the start
// is skipped. The tags of goccy/go-yaml apply: `yaml:"name"`, inline and
// "-"; an inline map[string]any takes the keys that no field has. Types with UnmarshalText or
// UnmarshalYAML read themselves; durations read as "10s". The tag `remedy:"name a host"` says what
// to write where a value of the wrong kind stands.
//
// Relative paths in a [Path], a [Secret] and a [Peer] are resolved against the folder of the file.
//
// It reports every problem at once: FieldErrors joined in the order of their lines, each with file,
// line, field, what is wrong and what would be right. Validate runs even if the file has problems,
// and what it says of the values that these concern is left out. further are checks of what has no
// problem so far, such as a comparison with what runs: their FieldErrors get lines too. A file that
// cannot be read is the error of package os, wrapped; what is no regular file (a pipe, a device, a
// directory) is refused and not opened, as to read it might never end.
func LoadYAML(path string, into Validator, further ...func() error) error {
	return LoadYAMLFor(path, path, into, further...)
}

// LoadYAMLFor is [LoadYAML] for a file that is to take the place of another one, installed: its
// relative paths are resolved against the folder of that one.
func LoadYAMLFor(path, installed string, into Validator, further ...func() error) error {
	data, err := readRegular(path, document.MaxBytes)
	if irregular, ok := errors.AsType[irregularFile](err); ok {
		return &FieldError{File: path, Problem: irregular.what(), Remedy: "name a file", cause: err}
	}
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	folder, err := filepath.Abs(filepath.Dir(installed))
	if err != nil {
		return fmt.Errorf("read configuration %q: %w", path, err)
	}
	lines, problems := document.Decode(data, into, document.Options{
		Visit: func(pointer any) {
			if p, ok := pointer.(relative); ok {
				p.relativeTo(folder)
			}
		},
		Scalar:  secretInYAML,
		Renamed: renamedKey,
		Foreign: keyOfDaemon,
	})
	all := make([]*FieldError, 0, len(problems))
	for _, p := range problems {
		all = append(all, &FieldError{File: path, Line: p.Line, Field: p.Path, Problem: p.Text, Remedy: p.Remedy})
	}
	wrong := into.Validate()
	for _, check := range further {
		if wrong == nil && len(problems) == 0 {
			wrong = check()
		}
	}
	for _, e := range FieldErrors(wrong) {
		if slices.ContainsFunc(append(e.from, e.Field), func(field string) bool { return concerned(field, problems) }) {
			continue
		}
		e.File, e.Line = path, lines.Of(e.Field)
		all = append(all, e)
	}
	return joined(all)
}

// concerned reports whether a value is one, or holds or is held by one, that could not be read:
// what Validate says of it would only follow from that. A file that could not be read at all
// concerns every value.
func concerned(field string, problems []document.Problem) bool {
	for _, p := range problems {
		meant := func(path string) bool { return within(field, path) }
		if p.Path == "" || within(field, p.Path) || slices.ContainsFunc(p.Meant, meant) {
			return true
		}
	}
	return false
}

func within(a, b string) bool {
	return a != "" && b != "" && (a == b || under(a, b) || under(b, a))
}

// under reports whether path a lies in path b.
func under(a, b string) bool {
	rest, found := strings.CutPrefix(a, b)
	return found && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "["))
}

// secretInYAML explains a value that stands where a Secret's mapping belongs.
func secretInYAML(t reflect.Type, value string) (text, remedy string) {
	if t != reflect.TypeFor[Secret]() {
		return "", ""
	}
	if isKeyFile(value) {
		return "a file's name stands where a mapping belongs", "write {file: PATH}"
	}
	return "a secret may not stand in a YAML file", "name the file {file: PATH} or the environment variable {env: NAME} that holds it, and replace this one: it is no longer secret"
}

// renamedKey knows the keys that had another name in files of earlier versions.
func renamedKey(t reflect.Type, key string) string {
	if t == reflect.TypeFor[Export]() && key == "durable" {
		return "kept_for"
	}
	return ""
}

// keyOfDaemon gives the remedy for a key of a node that the hunt's daemons read beside it. A
// program of one's own does in code what they do by it.
func keyOfDaemon(t reflect.Type, key string) string {
	remedies := map[string]string{
		"metrics": "the daemons of the hunt read it beside mesh; your program calls metrics.Serve: docs/metrics.md",
		"console": "the daemons of the hunt read it beside mesh; your program calls console.Serve: docs/console.md",
		"traces":  "the daemons of the hunt read it beside mesh; your program calls traces.Export: docs/traces.md",
		"log":     "the daemons of the hunt read it beside mesh; your program sets the Logger of its mesh.Config",
		"http":    "the daemons of the hunt read it beside mesh; your program serves its own API",
	}
	if t != reflect.TypeFor[Node]() {
		return ""
	}
	return remedies[key]
}
