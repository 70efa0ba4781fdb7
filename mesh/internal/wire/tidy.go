package wire

import (
	"math"
	"reflect"
)

// tidy makes what the library decoded into the anys of a value what emitters put into them. The
// library knows one type for all maps; the wrong one would be a panic in a handler that asserts the
// other. v points to the value.
func tidy(v any) {
	value := reflect.ValueOf(v).Elem()
	tidyIn(value, shapeOf(value.Type()))
}

// tidyIn is tidy for the parts of a value that hold anys.
func tidyIn(v reflect.Value, s *shape) {
	if !s.holdsAny {
		return
	}
	switch s.kind {
	case anyShape:
		if !v.IsNil() {
			v.Set(reflect.ValueOf(tidied(v.Elem().Interface())))
		}
	case pointerShape:
		if !v.IsNil() {
			tidyIn(v.Elem(), s.elem)
		}
	case listShape:
		for i := range v.Len() {
			tidyIn(v.Index(i), s.elem)
		}
	case mapShape:
		for pairs := v.MapRange(); pairs.Next(); {
			element := reflect.New(s.of.Elem()).Elem() // one in a map cannot be set
			element.Set(pairs.Value())
			tidyIn(element, s.elem)
			v.SetMapIndex(pairs.Key(), element)
		}
	case structShape:
		for _, f := range s.fields {
			if field := v.Field(f.index); field.CanSet() || f.embedded {
				tidyIn(field, f.shape)
			}
		}
	}
}

// tidied is what an any holds, as emitters know it.
func tidied(v any) any {
	switch v := v.(type) {
	case map[any]any:
		return tidiedMap(v)
	case []any:
		for i := range v {
			v[i] = tidied(v[i])
		}
	case uint64: // the library's option for this refuses what is larger
		if v <= math.MaxInt64 {
			return int64(v)
		}
	}
	return v
}

// tidiedMap is a map[string]any if all keys are text.
func tidiedMap(m map[any]any) any {
	for key := range m {
		if _, isText := key.(string); !isText {
			return tidiedOther(m)
		}
	}
	texts := make(map[string]any, len(m))
	for key, value := range m {
		texts[key.(string)] = tidied(value)
	}
	return texts
}

func tidiedOther(m map[any]any) map[any]any {
	other := make(map[any]any, len(m))
	for key, value := range m {
		other[tidied(key)] = tidied(value)
	}
	return other
}
