package wire

import (
	"reflect"
	"unicode/utf8"
	"unsafe"
)

// Sure knows by a look at a value of a struct type, without encoding it, that EncodeFaithful takes
// it.
type Sure[T any] struct {
	texts []uintptr // where in a T its strings lie
	most  int       // bytes that all else of a payload has at most
}

// maxSureFields bounds the fields of a type that a look is enough for: far below what a map in a
// payload may hold.
const maxSureFields = 256

// SureOf is what is found out once about a type. It is nil for a type whose values must be encoded
// to know: one that holds more than numbers, truth values, strings, and structs of them.
func SureOf[T any]() *Sure[T] {
	s, root := &Sure[T]{}, shapeOf(reflect.TypeFor[T]())
	if root.kind != structShape || !s.add(root, 0, 0) {
		return nil
	}
	return s
}

// add adds what lies at a place of a T, and reports whether a look at it is enough.
func (s *Sure[T]) add(of *shape, place uintptr, depth int) bool {
	const head = 9 // the longest in CBOR, also that of a number
	s.most += head
	switch {
	case of.problem != nil || depth > MaxNesting || s.most > 2*head*maxSureFields:
		return false
	case of.kind == textShape && of.of.Kind() == reflect.String:
		s.texts = append(s.texts, place)
		return true
	case of.kind == structShape:
		for _, f := range of.fields {
			field := of.of.Field(f.index)
			s.most += head + len(field.Name) + len(tagOf(field)) // its key is an integer, or one of the two
			if !s.add(f.shape, place+field.Offset, depth+1) {
				return false
			}
		}
		return true
	}
	return of.kind == plainShape
}

// Travels reports whether a value surely travels, in a payload of at most so many bytes. False says
// nothing: it must be encoded to know. It does not allocate. Reflection in place of the offsets was
// five times as slow.
func (s *Sure[T]) Travels(value *T, most int) bool {
	if s == nil {
		return false
	}
	room := most - s.most
	for _, place := range s.texts {
		text := *(*string)(unsafe.Add(unsafe.Pointer(value), place))
		if room -= len(text); room < 0 || !utf8.ValidString(text) {
			return false
		}
	}
	return room >= 0
}
