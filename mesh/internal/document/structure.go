package document

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// layout is what a struct type takes: its keys in order, where each is, and the
// inline map for all others if it has one.
type layout struct {
	keys   []string
	fields map[string][]int
	others []int
}

// layoutOf reads the tags of a struct type.
func layoutOf(t reflect.Type) layout {
	l := layout{fields: map[string][]int{}}
	l.add(t, nil)
	return l
}

func (l *layout) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		at := append(index[:len(index):len(index)], i)
		inline := false
		for option := range strings.SplitSeq(options, ",") {
			inline = inline || option == "inline"
		}
		switch {
		case !field.IsExported() || name == "-":
		case inline && field.Type.Kind() == reflect.Struct:
			l.add(field.Type, at)
		case inline && field.Type == reflect.TypeFor[map[string]any]():
			l.others = at
		default:
			if name == "" {
				name = strings.ToLower(field.Name)
			}
			l.keys = append(l.keys, name)
			l.fields[name] = at
		}
	}
}

// structure decodes a mapping into a struct.
func (d *decoder) structure(node ast.Node, target reflect.Value, path string, depth int) {
	layout := layoutOf(target.Type())
	entries, ok := entriesOf(node)
	if !ok {
		d.notMapping(node, target.Type(), layout, path)
		return
	}
	var others map[string]any
	outdented := d.outdented(entries, target, layout, path)
	d.unique(entries, path, outdented, func(key string, entry *ast.MappingValueNode) {
		at := child(path, key)
		if index, known := layout.fields[key]; known {
			d.remedies[at] = target.Type().FieldByIndex(index).Tag.Get("remedy")
			d.value(entry.Value, target.FieldByIndex(index), at, depth+1)
			return
		}
		if outdented[key] {
			return
		}
		if layout.others == nil {
			d.unknown(entry, target.Type(), layout, path, key)
			return
		}
		var value any
		d.value(entry.Value, reflect.ValueOf(&value).Elem(), at, depth+1)
		if others == nil {
			others = map[string]any{}
		}
		others[key] = value
	})
	if others != nil {
		target.FieldByIndex(layout.others).Set(reflect.ValueOf(others))
	}
}

// outdented reports a key with nothing under it whose keys stand beside it instead, which is one
// mistake and not one for each of them. It gives all keys that belong under it.
func (d *decoder) outdented(entries []*ast.MappingValueNode, target reflect.Value, l layout, path string) map[string]bool {
	for _, entry := range entries {
		index, known := l.fields[entry.Key.GetToken().Value]
		if !known || entry.Value.Type() != ast.NullType {
			continue
		}
		field := target.FieldByIndex(index).Type()
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		if field.Kind() != reflect.Struct || isCustom(reflect.New(field).Elem()) {
			continue
		}
		inner, beside := layoutOf(field), []string{}
		for _, other := range entries {
			key := other.Key.GetToken().Value
			_, here := l.fields[key]
			if _, there := inner.fields[key]; there && !here && !slices.Contains(beside, key) {
				beside = append(beside, key)
			}
		}
		if len(beside) == 0 {
			continue
		}
		below := map[string]bool{}
		for _, key := range inner.keys {
			below[key] = true
		}
		d.problem(entry.Key, child(path, entry.Key.GetToken().Value), "nothing stands under the key, and beside it "+few(beside),
			"indent what belongs under it by two spaces")
		return below
	}
	return nil
}

// few lists the first few words.
func few(words []string) string {
	const most = 3
	if len(words) > most {
		return strings.Join(words[:most], ", ") + " and more"
	}
	return strings.Join(words, ", ")
}

func (d *decoder) notMapping(node ast.Node, t reflect.Type, l layout, path string) {
	if _, single := node.(ast.ScalarNode); single && d.options.Scalar != nil {
		value, _ := textOf(node)
		if text, remedy := d.options.Scalar(t, value); text != "" {
			d.problem(node, path, text, remedy)
			return
		}
	}
	d.misfit(node, path, "a mapping", "write key: value; known keys: "+strings.Join(l.keys, ", "))
}

func (d *decoder) unknown(entry *ast.MappingValueNode, t reflect.Type, l layout, path, key string) {
	p := Problem{Line: lineOf(entry.Key), Path: child(path, key), Text: "unknown key", Remedy: "known keys: " + strings.Join(l.keys, ", ")}
	if d.options.Renamed != nil {
		if now := d.options.Renamed(t, key); now != "" {
			p.Text, p.Remedy, p.Meant = "the key has a new name", "write "+now, []string{child(path, now)}
			if how := t.FieldByIndex(l.fields[now]).Tag.Get("remedy"); how != "" {
				p.Remedy += ", and " + how
			}
			d.report(p)
			return
		}
	}
	if d.options.Foreign != nil {
		if remedy := d.options.Foreign(t, key); remedy != "" {
			p.Remedy = remedy
			d.report(p)
			return
		}
	}
	if meant := nearest(key, l.keys); meant != "" {
		p.Remedy, p.Meant = "did you mean "+meant+"?", []string{child(path, meant)}
	} else if indented := l.indented(entry.Value); len(indented) > 0 {
		here := "beside it"
		if path == "" {
			here = "at the top level"
		}
		p.Text = "unknown key; what stands under it belongs " + here
		p.Remedy = "move " + few(indented) + " out of " + key
		for _, k := range indented {
			p.Meant = append(p.Meant, child(path, k))
		}
	}
	d.report(p)
}

// indented gives the keys in the value of an unknown key that belong beside that key. It gives none
// if most of them do not: then the value is something else, which happens to use a word twice.
func (l layout) indented(value ast.Node) (keys []string) {
	entries, _ := entriesOf(value)
	for _, entry := range entries {
		if key := entry.Key.GetToken().Value; l.fields[key] != nil && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if 2*len(keys) <= len(entries) {
		return nil
	}
	return keys
}
