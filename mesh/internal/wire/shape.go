package wire

import (
	"math/big"
	"reflect"
	"sync"
	"time"
)

// shape is what is found out once about a Go type, so that no event costs a look at its type.
type shape struct {
	of   reflect.Type
	kind shapeKind
	// elem is of what a pointer, a slice, an array or a map holds.
	elem   *shape
	fields []shapeField // of a struct: those that travel
	// problem is why no value of the type can travel, whatever it holds; nil: values can.
	problem *problem

	// What there is among the shapes that can be reached from this one, itself counted.
	recurs   bool // one of them holds values of itself
	holdsAny bool
	exact    bool // one of them has values that would arrive as others
}

// shapeField is a field of a struct. An embedded struct is one, and its own fields belong to it.
type shapeField struct {
	name     string
	index    int
	embedded bool // its fields stand among those of the struct around it
	*shape
}

type shapeKind uint8

const (
	plainShape  shapeKind = iota // numbers and truth values
	opaqueShape                  // encodes itself
	textShape                    // strings and byte strings
	timeShape
	anyShape
	pointerShape
	listShape
	mapShape
	structShape
)

var (
	timeType   = reflect.TypeFor[time.Time]()
	bigIntType = reflect.TypeFor[big.Int]()
)

// shapes are the shapes of all types that were asked for, by reflect.Type.
var shapes sync.Map

// shapeOf is the shape of a type.
func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	b := shapeBuilder{}
	root, cyclic := b.build(t), map[*shape]bool{}
	for _, s := range b {
		cyclic[s] = s.reach()[s]
	}
	for _, s := range b {
		s.lookAround(cyclic)
	}
	known, _ := shapes.LoadOrStore(t, root)
	return known.(*shape)
}

// shapeBuilder has the shapes of the types that can be reached from one. Where a type recurs, so
// does its shape.
type shapeBuilder map[reflect.Type]*shape

func (b shapeBuilder) build(t reflect.Type) *shape {
	if known := b[t]; known != nil {
		return known
	}
	s := &shape{of: t}
	b[t] = s
	switch {
	case t == timeType:
		s.kind = timeShape
	case t == bigIntType:
		s.kind = opaqueShape // the library knows it
	case codecOf(t) != nil:
		s.kind, s.problem = opaqueShape, checkCodec(t)
	default:
		b.buildByKind(s)
	}
	return s
}

func (b shapeBuilder) buildByKind(s *shape) {
	switch s.of.Kind() {
	case reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.kind = plainShape
	case reflect.String:
		s.kind = textShape
	case reflect.Interface:
		s.kind = anyShape
		if s.of.NumMethod() > 0 {
			s.problem = found("is an interface with methods, and nothing says which type to decode; use a concrete type")
		}
	case reflect.Pointer:
		s.kind, s.elem = pointerShape, b.build(s.of.Elem())
		if k := s.of.Elem().Kind(); k == reflect.Pointer || k == reflect.Interface {
			s.problem = found("is a %v, and null cannot say which of the two is nil; use one pointer", s.of)
		}
	case reflect.Slice, reflect.Array:
		s.kind, s.elem = listShape, b.build(s.of.Elem())
		if s.of.Elem().Kind() == reflect.Uint8 {
			s.kind = textShape
		}
	case reflect.Map:
		s.kind, s.elem = mapShape, b.build(s.of.Elem())
		s.problem = checkMapKey(s.of)
	case reflect.Struct:
		s.kind = structShape
		b.buildStruct(s)
	default:
		s.problem = found("is a %v, which CBOR cannot hold; leave it out with the tag cbor:\"-\"", s.of)
	}
}

// checkMapKey reports why the keys of a map cannot travel, or nil. docs/wire.md allows integers
// and text.
func checkMapKey(t reflect.Type) *problem {
	switch k := t.Key().Kind(); {
	case codecOf(t.Key()) != nil:
	case k == reflect.String, k >= reflect.Int && k <= reflect.Int64, k >= reflect.Uint && k <= reflect.Uint64:
		return nil
	}
	return found("is a %v; the keys of a map are integers or strings", t)
}

// lookAround finds out what can be reached from the shape.
func (s *shape) lookAround(cyclic map[*shape]bool) {
	for at := range s.reach() {
		s.recurs = s.recurs || cyclic[at]
		s.holdsAny = s.holdsAny || at.kind == anyShape
		s.exact = s.exact || at.kind == anyShape || at.kind == timeShape || at.pointsToNull()
	}
}

// reach is the shape and all that its values hold, directly or not. Whether it holds itself is the
// value of its entry.
func (s *shape) reach() map[*shape]bool {
	seen := map[*shape]bool{s: false}
	var look func(*shape)
	look = func(at *shape) {
		for _, next := range at.next() {
			_, known := seen[next]
			seen[next] = true
			if !known {
				look(next)
			}
		}
	}
	look(s)
	return seen
}

// next are the shapes of what values of the shape hold.
func (s *shape) next() (list []*shape) {
	if s.elem != nil {
		list = append(list, s.elem)
	}
	for _, f := range s.fields {
		list = append(list, f.shape)
	}
	return list
}

// pointsToNull reports whether the shape is a pointer to what may be encoded as null, so that the
// pointer itself may arrive as nil.
func (s *shape) pointsToNull() bool {
	if s.kind != pointerShape {
		return false
	}
	switch s.of.Elem().Kind() {
	case reflect.Slice, reflect.Map:
		return true
	}
	return s.elem.kind == timeShape
}
