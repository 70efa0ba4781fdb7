package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Diff gives the differences between two configurations of one type: of nodes, or of a service's
// own struct with a Node in it. What means the same, as a default that is left out in one of them,
// is none. It is pure: that a file of a secret has another content it does not see, see [Contents].
//
// The tag `reload` of a field says whether a running node takes a change: "live" or "restart".
// "parts" leaves that to the fields of the value. A field without the tag needs a restart. Entries
// of a list that have a name are compared by it, and their order is no difference.
func Diff[T any](old, new T) Changes {
	d := diff{}
	d.values(step{}, reflect.ValueOf(&old).Elem(), reflect.ValueOf(&new).Elem())
	return d.changes
}

// diff collects changes.
type diff struct{ changes Changes }

// step is where in the configurations a value stands, and whether a change of it is taken.
type step struct {
	field, at string
	live      bool
}

// below is the step to a field of a struct, or to an entry of a map.
func (s step) below(name string, live bool) step {
	return step{join(s.field, name), join(s.at, name), live}
}

// entry is the step to an entry of a list, which is called by its name if it has one.
func (s step) entry(v reflect.Value, i int) step {
	place := fmt.Sprint(i)
	name := place
	if n, ok := v.Interface().(named); ok {
		name = n.entryName()
	}
	return step{fmt.Sprintf("%s[%s]", s.field, name), fmt.Sprintf("%s[%s]", s.at, place), s.live}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (d *diff) values(s step, old, new reflect.Value) {
	old, new = standard(old), standard(new)
	switch kind := old.Kind(); {
	case kind == reflect.Pointer && !old.IsNil() && !new.IsNil():
		d.values(s, old.Elem(), new.Elem())
	case isTable(old.Type()):
		d.structs(s, old, new)
	case kind == reflect.Map:
		d.maps(s, old, new)
	case kind == reflect.Slice && isNamed(old.Type().Elem()):
		d.lists(s, old, new)
	case kind == reflect.Slice && old.Len()+new.Len() == 0: // nil is as good as empty
	case !reflect.DeepEqual(old.Interface(), new.Interface()):
		d.add(s, text(old), text(new))
	}
}

func (d *diff) add(s step, old, new string) {
	d.changes = append(d.changes, Change{Field: s.field, Old: old, New: new, Live: s.live, at: s.at})
}

// standard fills in what is left out.
func standard(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Struct {
		return v
	}
	if fill := v.MethodByName("WithDefaults"); fill.IsValid() {
		return fill.Call(nil)[0]
	}
	return v
}

// isTable reports whether a type is a mapping of keys that have a field each, and not one value.
func isTable(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Secret]()
}

func (d *diff) structs(s step, old, new reflect.Value) {
	for i := range old.NumField() {
		f := old.Type().Field(i)
		name, inline := keyOf(f)
		if name == "-" || !f.IsExported() {
			continue
		}
		below := s
		if !inline {
			below = s.below(name, f.Tag.Get("reload") == "live")
		}
		d.values(below, old.Field(i), new.Field(i))
	}
	d.exportSheds(s, old, new)
}

// exportSheds marks that an export begins or ends to shed: its queue is made for that at the start.
func (d *diff) exportSheds(s step, old, new reflect.Value) {
	before, ok := old.Interface().(Export)
	if !ok || (before.Limit.Policy == Shed) == (new.Interface().(Export).Limit.Policy == Shed) {
		return
	}
	for i := range d.changes {
		if d.changes[i].Field == s.field+".limit.policy" {
			d.changes[i].Live = false
		}
	}
}

// keyOf is the key of a field in YAML; inline says that its own keys stand beside those of the
// struct.
func keyOf(f reflect.StructField) (name string, inline bool) {
	name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "" {
		name = strings.ToLower(f.Name)
	}
	return name, slices.Contains(strings.Split(options, ","), "inline")
}

func (d *diff) maps(s step, old, new reflect.Value) {
	keys := map[string]reflect.Value{}
	for _, m := range []reflect.Value{old, new} {
		for _, key := range m.MapKeys() {
			keys[key.String()] = key
		}
	}
	for _, name := range sorted(keys) {
		before, after := old.MapIndex(keys[name]), new.MapIndex(keys[name])
		switch {
		case !before.IsValid():
			d.add(s.below(name, s.live), "", text(after))
		case !after.IsValid():
			d.add(s.below(name, s.live), text(before), "")
		case !reflect.DeepEqual(before.Interface(), after.Interface()):
			d.add(s.below(name, s.live), text(before), text(after))
		}
	}
}

// named is an entry of a list that is told from the others by a name.
type named interface{ entryName() string }

func isNamed(t reflect.Type) bool { return t.Implements(reflect.TypeFor[named]()) }

func (p Peer) entryName() string     { return p.Name }
func (e Export) entryName() string   { return e.Event }
func (i Import) entryName() string   { return i.Event }
func (b Bound) entryName() string    { return b.Service }
func (o Operator) entryName() string { return o.Name }

func (c Cascade) entryName() string {
	if c.Root == "" {
		return "all others"
	}
	return c.Root
}

// isKept reports whether an entry has something on the disk, with which a node begins at its start.
func isKept(entry reflect.Value) bool {
	switch e := entry.Interface().(type) {
	case Export:
		return e.IsDurable() || len(e.Drop) > 0
	case Import:
		return e.Durable
	}
	return false
}

// entryName is what no two rules have in common, without the defaults.
func (r Rule) entryName() string {
	r = r.WithDefaults()
	words := []string{r.Event, "at " + string(r.Place)}
	for _, w := range []struct{ before, value string }{{"", r.Handler}, {"of root ", r.Root}, {"by ", strings.TrimPrefix(string(r.By), string(ByType))}} {
		if w.value != "" {
			words = append(words, w.before+w.value)
		}
	}
	if r.Concurrency != 0 {
		words = append(words, "concurrency")
	}
	return strings.Join(words, " ")
}

// lists compares entries by their names. One that went is where the list is.
func (d *diff) lists(s step, old, new reflect.Value) {
	before := map[string]reflect.Value{}
	for i := range old.Len() {
		before[old.Index(i).Interface().(named).entryName()] = old.Index(i)
	}
	for i := range new.Len() {
		name, entry := new.Index(i).Interface().(named).entryName(), s.entry(new.Index(i), i)
		if former, found := before[name]; found {
			delete(before, name)
			d.values(entry, former, new.Index(i))
			continue
		}
		entry.live = s.live && !isKept(new.Index(i))
		d.add(entry, "", text(new.Index(i)))
	}
	for _, name := range sorted(before) {
		live := s.live && !isKept(before[name])
		d.add(step{fmt.Sprintf("%s[%s]", s.field, name), s.at, live}, text(before[name]), "")
	}
}
