package document

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// maxProblems bounds the report on a file that is not the expected one at all.
const maxProblems = 100

// Options tell Decode about types that need more than their fields.
type Options struct {
	// Visit is called with a pointer to each value once it is decoded.
	Visit func(pointer any)
	// Scalar gives the problem and its remedy when a single value stands where
	// a mapping for the struct type t belongs; "" takes the usual ones.
	Scalar func(t reflect.Type, value string) (text, remedy string)
	// Renamed gives the present name of a key that the struct type t once had; "" for
	// every other key. Nil: no key was renamed.
	Renamed func(t reflect.Type, key string) (now string)
	// Foreign gives the remedy for a key of the struct type t that something else reads, in a
	// document of its own; "" for every other key. Nil: there is none.
	Foreign func(t reflect.Type, key string) (remedy string)
}

// Decode decodes data into a pointer to a struct. Fields without a key in the
// document keep their values. Keys are those of `yaml` tags, or the field's name
// in lower case; the fields of an inline struct belong to its parent, and an
// inline map[string]any takes the keys that no field has. A key with nothing
// after it is an empty list, mapping or pointer, and a problem for all else. The
// tag `remedy` says what to write where a value of another shape stands.
//
// It gives the line of each path, and every problem up to a hundred. With
// problems the target holds what could be decoded.
func Decode(data []byte, into any, options Options) (Lines, []Problem) {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("document: Decode into a %T, want a pointer to a struct", into))
	}
	root, problems := parse(data)
	d := decoder{options: options, lines: Lines{}, problems: problems, remedies: map[string]string{}}
	if root != nil {
		d.value(root, target.Elem(), "", 0)
	}
	return d.lines, d.problems
}

type decoder struct {
	options  Options
	lines    Lines
	problems []Problem
	remedies map[string]string // by path: what a field's tag says to write there
}

func (d *decoder) problem(node ast.Node, path, text, remedy string) {
	d.report(Problem{Line: lineOf(node), Path: path, Text: text, Remedy: remedy})
}

func (d *decoder) report(p Problem) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, p)
	}
}

func lineOf(node ast.Node) int {
	if t := node.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// value decodes a node of any kind.
func (d *decoder) value(node ast.Node, target reflect.Value, path string, depth int) {
	if _, known := d.lines[path]; !known {
		d.lines[path] = lineOf(node) // A key's line is known by now and stays.
	}
	if depth > MaxDepth {
		d.problem(node, path, fmt.Sprintf("values are nested more than %d deep", MaxDepth), "flatten them")
		return
	}
	if node.Type() == ast.NullType {
		d.nothing(node, target, path)
		return
	}
	switch {
	case isCustom(target):
		d.custom(node, target, path)
	case implements[encoding.TextUnmarshaler](target):
		d.text(node, target, path)
	default:
		d.kind(node, target, path, depth)
	}
	if d.options.Visit != nil {
		d.options.Visit(target.Addr().Interface())
	}
}

type (
	customUnmarshaler  = yaml.InterfaceUnmarshaler
	contextUnmarshaler = yaml.InterfaceUnmarshalerContext
	bytesUnmarshaler   = yaml.BytesUnmarshaler
	nodeUnmarshaler    = yaml.NodeUnmarshaler
)

// isCustom reports whether a type decodes itself from YAML.
func isCustom(target reflect.Value) bool {
	return implements[customUnmarshaler](target) || implements[contextUnmarshaler](target) ||
		implements[bytesUnmarshaler](target) || implements[nodeUnmarshaler](target)
}

func implements[I any](target reflect.Value) bool {
	return reflect.PointerTo(target.Type()).Implements(reflect.TypeFor[I]())
}

// kind decodes by the kind of the target.
func (d *decoder) kind(node ast.Node, target reflect.Value, path string, depth int) {
	switch target.Kind() {
	case reflect.Struct:
		d.structure(node, target, path, depth)
	case reflect.Pointer:
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		d.value(node, target.Elem(), path, depth)
	case reflect.Slice:
		d.list(node, target, path, depth)
	case reflect.Map:
		d.table(node, target, path, depth)
	case reflect.Interface:
		d.custom(node, target, path)
	default:
		d.scalar(node, target, path)
	}
}

// nothing decodes a key with no value. Of a list whose entries are commented
// out nothing but the key is left; that is no mistake. A text or number left
// out is.
func (d *decoder) nothing(node ast.Node, target reflect.Value, path string) {
	switch target.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		target.SetZero()
	default:
		d.problem(node, path, "no value", `give one, or leave the key out`)
	}
}

// custom leaves a value to the library: the type decodes itself, or takes
// anything.
func (d *decoder) custom(node ast.Node, target reflect.Value, path string) {
	defer func() {
		if reason := recover(); reason != nil {
			d.problem(node, path, "the value cannot be decoded", "")
		}
	}()
	if d.zerosWithin(node, path) {
		return
	}
	if err := yaml.NodeToValue(node, target.Addr().Interface(), yaml.Strict()); err != nil {
		p := syntaxProblem(err)
		if _, ours := err.(yaml.Error); !ours {
			p = Problem{Line: lineOf(node), Text: err.Error()}
		}
		p.Path, p.Text = path, strings.TrimPrefix(p.Text, "not YAML: ")
		p.Remedy = ""
		d.report(p)
	}
}

// list decodes a sequence into a slice and replaces what was there.
func (d *decoder) list(node ast.Node, target reflect.Value, path string, depth int) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.misfit(node, path, "a list", "begin each entry with a dash, or write them as [A, B]")
		return
	}
	list := reflect.MakeSlice(target.Type(), len(sequence.Values), len(sequence.Values))
	for i, value := range sequence.Values {
		d.value(value, list.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
	target.Set(list)
}

// table decodes a mapping into a map with text keys.
func (d *decoder) table(node ast.Node, target reflect.Value, path string, depth int) {
	entries, ok := entriesOf(node)
	if !ok {
		d.misfit(node, path, "a mapping", "write key: value")
		return
	}
	if target.Type().Key().Kind() != reflect.String {
		d.problem(node, path, "a mapping stands where a mapping with text keys belongs", "")
		return
	}
	table := reflect.MakeMapWithSize(target.Type(), len(entries))
	d.unique(entries, path, nil, func(key string, entry *ast.MappingValueNode) {
		value := reflect.New(target.Type().Elem()).Elem()
		d.value(entry.Value, value, child(path, key), depth+1)
		table.SetMapIndex(reflect.ValueOf(key).Convert(target.Type().Key()), value)
	})
	target.Set(table)
}

// unique calls visit for each entry, and reports the keys that stand twice, but
// for those of which one belongs elsewhere.
func (d *decoder) unique(entries []*ast.MappingValueNode, path string, elsewhere map[string]bool, visit func(string, *ast.MappingValueNode)) {
	seen := make(map[string]int, len(entries))
	for _, entry := range entries {
		key, line := entry.Key.GetToken().Value, lineOf(entry.Key)
		if first, twice := seen[key]; twice && elsewhere[key] {
			continue
		} else if twice {
			d.problem(entry.Key, child(path, key), fmt.Sprintf("the key already stands on line %d", first), "keep one of the two")
			continue
		}
		seen[key] = line
		d.lines[child(path, key)] = line
		visit(key, entry)
	}
}

// entriesOf gives the entries of a mapping.
func entriesOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}
