package document

import (
	"reflect"
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
	d.unique(entries, path, func(key string, entry *ast.MappingValueNode) {
		at := child(path, key)
		if index, known := layout.fields[key]; known {
			d.value(entry.Value, target.FieldByIndex(index), at, depth+1)
			return
		}
		if layout.others == nil {
			d.unknown(entry.Key, target.Type(), layout, path, key)
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

func (d *decoder) notMapping(node ast.Node, t reflect.Type, l layout, path string) {
	text, remedy := describe(node)+" stands where a mapping belongs", "known keys: "+strings.Join(l.keys, ", ")
	_, list := node.(*ast.SequenceNode)
	if d.options.Scalar != nil && !list {
		if own, ownRemedy := d.options.Scalar(t); own != "" {
			text, remedy = own, ownRemedy
		}
	}
	d.problem(node, path, text, remedy)
}

func (d *decoder) unknown(node ast.Node, t reflect.Type, l layout, path, key string) {
	p := Problem{Line: lineOf(node), Path: child(path, key), Text: "unknown key", Remedy: "known keys: " + strings.Join(l.keys, ", ")}
	if d.options.Renamed != nil {
		if now := d.options.Renamed(t, key); now != "" {
			p.Text, p.Remedy, p.Meant = "the key has a new name", "write "+now, child(path, now)
			d.report(p)
			return
		}
	}
	if meant := nearest(key, l.keys); meant != "" {
		p.Remedy, p.Meant = "did you mean "+meant+"?", child(path, meant)
	}
	d.report(p)
}
