package wire

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"
)

var errNested = fmt.Errorf("it is nested too deep, or refers to itself; at most %d levels are allowed", MaxNesting)

// checkValue looks at a value before it is encoded. The library follows pointers without an end,
// and a stack that overflows ends the process. A faithful value does not arrive as another one.
//
// It costs nothing but a look at the type where no value can be endless, and none can change.
func checkValue(v any, faithful bool) error {
	value := reflect.ValueOf(v)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if !value.IsValid() {
		return errNull
	}
	s := shapeOf(value.Type())
	endless := s.recurs || s.holdsAny
	if !endless && !(faithful && s.exact) {
		return nil
	}
	c := checker{faithful: faithful, all: endless, room: MaxMessageBytes}
	return c.check(value, s, MaxNesting)
}

// checker goes through a value.
type checker struct {
	faithful bool
	all      bool // else only what may change
	// room is how many bytes may follow at least: it ends what is not endless, but exponential.
	room int
}

// at says where an error is: the place grows from the inside to the outside.
func at(place string, err error) error {
	if p, ok := err.(*placeError); ok {
		p.place = place + p.place
		return err
	}
	return &placeError{place, err}
}

// placeError is what is wrong with a part of a value.
type placeError struct {
	place string // ".Tags[2].Name"
	err   error
}

// Error names the place.
func (e *placeError) Error() string { return e.place + ": " + e.err.Error() }

// Unwrap gives what is wrong there.
func (e *placeError) Unwrap() error { return e.err }

func (c *checker) check(v reflect.Value, s *shape, depth int) error {
	if !c.all && !s.exact {
		return nil
	}
	if err := c.take(1); err != nil {
		return err
	}
	switch s.kind {
	case textShape:
		return c.take(v.Len())
	case timeShape:
		return c.checkTime(v)
	case anyShape:
		return c.checkAny(v, depth)
	case pointerShape:
		return c.checkPointer(v, s, depth)
	case listShape:
		return c.checkList(v, s, depth-1)
	case mapShape:
		return c.checkMap(v, s, depth-1)
	case structShape:
		return c.checkStruct(v, s, depth-1)
	}
	return nil
}

func (c *checker) take(bytes int) error {
	if c.room -= bytes; c.room < 0 {
		return fmt.Errorf("%w: at most %d bytes are allowed", ErrTooLarge, MaxMessageBytes)
	}
	return nil
}

func (c *checker) checkPointer(v reflect.Value, s *shape, depth int) error {
	if s.elem.kind == pointerShape {
		return errNested // the library looks for the end of such a type, even of type P *P
	}
	if v.IsNil() {
		return nil
	}
	if c.faithful && s.pointsToNull() && isNull(v.Elem()) {
		return fmt.Errorf("it points to a %v that is nil or zero, and would arrive as a nil pointer", s.of.Elem())
	}
	return c.check(v.Elem(), s.elem, depth)
}

// isNull reports whether the library writes a value as null.
func isNull(v reflect.Value) bool {
	if v.Type() == timeType {
		return timeIn(v).IsZero()
	}
	return v.IsNil()
}

func (c *checker) checkList(v reflect.Value, s *shape, depth int) error {
	if depth < 0 {
		return errNested
	}
	for i := range v.Len() {
		if err := c.check(v.Index(i), s.elem, depth); err != nil {
			return at(fmt.Sprintf("[%d]", i), err)
		}
	}
	return nil
}

func (c *checker) checkMap(v reflect.Value, s *shape, depth int) error {
	if depth < 0 {
		return errNested
	}
	for pairs := v.MapRange(); pairs.Next(); {
		key := pairs.Key()
		size := 1
		if key.Kind() == reflect.String {
			size += key.Len()
		}
		err := c.take(size)
		if err == nil {
			err = c.check(pairs.Value(), s.elem, depth)
		}
		if err != nil {
			return at(placeOfKey(key), err)
		}
	}
	return nil
}

func placeOfKey(key reflect.Value) string { return "[" + excerpt(fmt.Sprint(key)) + "]" }

func (c *checker) checkStruct(v reflect.Value, s *shape, depth int) error {
	if depth < 0 {
		return errNested
	}
	for _, f := range s.fields {
		inside := depth
		if f.embedded {
			inside++ // its fields are in the same map
		}
		if err := c.check(v.Field(f.index), f.shape, inside); err != nil {
			return at("."+f.name, err)
		}
	}
	return nil
}

// timeIn is the time that a value is, or points to.
func timeIn(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

// checkTime refuses what the text of a time cannot say. The library refuses other years than 0 to
// 9999.
func (c *checker) checkTime(v reflect.Value) error {
	if !c.faithful {
		return nil
	}
	if _, offset := timeIn(v).Zone(); offset%60 != 0 {
		return errors.New("the offset of its time zone is no whole minute, and the instant would be lost; use its UTC method")
	}
	return nil
}

// checkAny looks at what an any holds. Faithful are only the types that it arrives as.
func (c *checker) checkAny(v reflect.Value, depth int) error {
	if v.IsNil() {
		return nil
	}
	v = v.Elem()
	if c.faithful && !arrivesAs(v) {
		return fmt.Errorf("an any that holds a %v would arrive as %s", v.Type(), arrival(v))
	}
	return c.check(v, shapeOf(v.Type()), depth)
}

// arrivesAs reports whether what an any holds arrives as the same type.
func arrivesAs(v reflect.Value) bool {
	switch x := v.Interface().(type) {
	case bool, int64, float64, string, []byte, []any, map[string]any:
		return true
	case uint64:
		return x > math.MaxInt64
	}
	return false
}

// arrival says as what it arrives instead.
func arrival(v reflect.Value) string {
	if codecOf(v.Type()) != nil || v.Type() == timeType {
		return "its encoding; put that into it"
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "an int64; put that into it"
	case reflect.Float32, reflect.Float64:
		return "a float64; put that into it"
	case reflect.String:
		return "a string; put that into it"
	case reflect.Slice, reflect.Array:
		return "a []any or []byte; put that into it"
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "a map; put a map[string]any into it, or declare the type of the field"
	}
	return "nothing, as CBOR cannot hold it"
}
