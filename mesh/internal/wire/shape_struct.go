package wire

import (
	"encoding"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// problem is why values of a type cannot travel. It reads on after the place: "is not exported,
// …".
type problem struct {
	field string // of the struct that has the problem; "" is the type itself
	says  string
}

func found(format string, args ...any) *problem { return &problem{says: fmt.Sprintf(format, args...)} }

// CheckType reports why no value of a type can travel, with the place in it and the remedy; nil if
// values can. What depends on the value is refused by EncodeFaithful.
func CheckType(t reflect.Type) error {
	seen := map[*shape]bool{}
	var look func(path string, s *shape) error
	look = func(path string, s *shape) error {
		if seen[s] {
			return nil
		}
		seen[s] = true
		if p := s.problem; p != nil {
			if p.field != "" {
				path += "." + p.field
			}
			return fmt.Errorf("%s %s", path, p.says)
		}
		for _, f := range s.fields {
			if err := look(path+"."+f.name, f.shape); err != nil {
				return err
			}
		}
		if s.elem == nil {
			return nil
		}
		if s.kind != pointerShape {
			path += "[]"
		}
		return look(path, s.elem)
	}
	return look(t.String(), shapeOf(t))
}

// buildStruct finds the fields of a struct that travel, by the rules of the library. It refuses
// what the library would leave out without a word.
func (b shapeBuilder) buildStruct(s *shape) {
	taken := map[string]string{} // the fields by their keys
	for i := range s.of.NumField() {
		f := s.of.Field(i)
		tag := tagOf(f)
		if f.Name == "_" || tag == "-" {
			continue
		}
		embedded := isEmbedded(f, tag)
		if p := checkField(f, tag, embedded); p != nil {
			p.field = f.Name
			s.problem = p
			return
		}
		s.fields = append(s.fields, shapeField{name: f.Name, index: i, embedded: embedded, shape: b.build(f.Type)})
	}
	if p := collectKeys(s.of, "", taken, map[reflect.Type]bool{}); p != nil {
		s.problem = p
	}
}

// tagOf is the tag of a field. Like the library it reads that of JSON where there is none for CBOR.
func tagOf(f reflect.StructField) string {
	if tag := f.Tag.Get("cbor"); tag != "" {
		return tag
	}
	return f.Tag.Get("json")
}

// isEmbedded reports whether the fields of a field stand among those of the struct around it.
func isEmbedded(f reflect.StructField, tag string) bool {
	name, _, _ := strings.Cut(tag, ",")
	return f.Anonymous && name == "" && pointee(f.Type).Kind() == reflect.Struct
}

func pointee(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

const remedy = `leave it out with the tag cbor:"-", or give the type MarshalCBOR and UnmarshalCBOR`

func checkField(f reflect.StructField, tag string, embedded bool) *problem {
	switch of := pointee(f.Type); {
	case embedded && (of == timeType || of == bigIntType || codecOf(of) != nil):
		return found("is a %v that is embedded, and would be lost; give the field a name", f.Type)
	case embedded && !f.IsExported() && f.Type.Kind() == reflect.Pointer:
		return found("is an embedded pointer to a struct that is not exported, and cannot be decoded; embed the struct itself")
	case !embedded && !f.IsExported():
		return found("is not exported, and would be lost; export it, %s", remedy)
	}
	if key := keyOf(f, tag); strings.HasPrefix(key, "?") {
		return found("has the key %q, which is no integer; keyasint wants one", key[1:])
	}
	return nil
}

// keyOf is the key of a field: "#1" for an integer, "?x" for what should be one, ":x" for text.
func keyOf(f reflect.StructField, tag string) string {
	name, options, _ := strings.Cut(tag, ",")
	if name == "" {
		name = f.Name
	}
	for option := range strings.SplitSeq(options, ",") {
		if option != "keyasint" {
			continue
		}
		n, err := strconv.Atoi(name)
		if err != nil {
			return "?" + name
		}
		return "#" + strconv.Itoa(n)
	}
	return ":" + name
}

// collectKeys finds two fields of one key, of which the library drops one or both, and a struct
// that embeds itself.
func collectKeys(t reflect.Type, path string, taken map[string]string, around map[reflect.Type]bool) *problem {
	if around[t] {
		return found("is embedded in itself; give the field a name")
	}
	around[t] = true
	defer delete(around, t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := tagOf(f)
		if f.Name == "_" || tag == "-" {
			continue
		}
		name := path + f.Name
		if isEmbedded(f, tag) {
			if p := collectKeys(pointee(f.Type), name+".", taken, around); p != nil {
				return p
			}
			continue
		}
		key := keyOf(f, tag)
		if other, double := taken[key]; double {
			return &problem{field: name, says: fmt.Sprintf("has the same key %s as %s, and one of them would be lost; give it another", key[1:], other)}
		}
		taken[key] = name
	}
	return nil
}

// codec is a pair of methods by which a type encodes and decodes itself.
type codec struct {
	marshaler, unmarshaler reflect.Type
	encodes, decodes       string // their methods
}

// codecs are in the order in which the library asks for them.
var codecs = [...]codec{
	{reflect.TypeFor[cbor.Marshaler](), reflect.TypeFor[cbor.Unmarshaler](), "MarshalCBOR", "UnmarshalCBOR"},
	{reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler](), "MarshalBinary", "UnmarshalBinary"},
}

// codecOf is how a type encodes itself, or nil if it does not. A pointer has none: what it points
// to may.
func codecOf(t reflect.Type) *codec {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil
	}
	for i := range codecs {
		if reflect.PointerTo(t).Implements(codecs[i].marshaler) {
			return &codecs[i]
		}
	}
	return nil
}

// checkCodec reports why a type that encodes itself does not travel nevertheless, or nil.
func checkCodec(t reflect.Type) *problem {
	c := codecOf(t)
	if !reflect.PointerTo(t).Implements(c.unmarshaler) {
		return found("is a %v, which has %s and no %s to come back by", t, c.encodes, c.decodes)
	}
	if t.Kind() != reflect.Struct || t.NumField() < 2 || !isPromoted(t, c.encodes) {
		return nil
	}
	return found("is a %v, which has its %s from an embedded field, and all other fields would be lost; give that field a name", t, c.encodes)
}

// isPromoted reports whether a type has a method from an embedded field only. Reflection does not
// tell; the compiler writes such methods itself.
func isPromoted(t reflect.Type, name string) bool {
	method, ok := t.MethodByName(name)
	if !ok {
		method, _ = reflect.PointerTo(t).MethodByName(name)
	}
	pc := method.Func.Pointer()
	file, _ := runtime.FuncForPC(pc).FileLine(pc)
	return file == "<autogenerated>"
}
