package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
)

// Survives reports how what value points to differs after it was encoded and decoded, or why it
// cannot be; nil if it comes back the same. It names the first field that differs.
//
// Times are the same at one instant and offset, and any NaN is the same as another.
func Survives(value any) error {
	payload, err := EncodeFaithful(value)
	if err != nil {
		return err
	}
	given := reflect.ValueOf(value).Elem()
	back := reflect.New(given.Type())
	if err := DecodePayload(payload, back.Interface()); err != nil {
		return err
	}
	return differ(given, back.Elem())
}

// differ reports where and how a value came back as another one. What is encoded is not endless,
// and so this is not.
func differ(given, back reflect.Value) error {
	switch given.Type() {
	case timeType:
		return differAs(sameTime(given, back), given, back)
	case bigIntType:
		a, b := given.Interface().(big.Int), back.Interface().(big.Int)
		return differAs(a.Cmp(&b) == 0, given, back)
	}
	if codecOf(given.Type()) != nil {
		return differAs(sameEncoding(given, back), given, back)
	}
	switch given.Kind() {
	case reflect.Struct:
		return differStruct(given, back)
	case reflect.Map:
		return differMap(given, back)
	case reflect.Slice, reflect.Array:
		return differList(given, back)
	case reflect.Pointer, reflect.Interface:
		if given.IsNil() || back.IsNil() || given.Elem().Type() != back.Elem().Type() {
			return differAs(given.IsNil() && back.IsNil(), given, back)
		}
		return differ(given.Elem(), back.Elem())
	case reflect.Float32, reflect.Float64:
		a, b := given.Float(), back.Float()
		return differAs(a == b || a != a && b != b, given, back)
	case reflect.Chan, reflect.Func:
		return differAs(given.IsNil(), given, back)
	}
	return differAs(given.Equal(back), given, back)
}

func sameTime(given, back reflect.Value) bool {
	a, b := timeIn(given), timeIn(back)
	_, from := a.Zone()
	_, to := b.Zone()
	return a.Equal(b) && (from == to || a.IsZero())
}

// sameEncoding is the sameness of values that encode themselves: what they do not encode they do
// not mean.
func sameEncoding(given, back reflect.Value) bool {
	a, errA := AppendPayload(nil, given.Interface())
	b, errB := AppendPayload(nil, back.Interface())
	return errA == nil && errB == nil && bytes.Equal(a, b) || reflect.DeepEqual(given.Interface(), back.Interface())
}

func differStruct(given, back reflect.Value) error {
	t := given.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct) {
			continue
		}
		err := differ(given.Field(i), back.Field(i))
		if err != nil && tagOf(f) == "-" {
			err = errors.New(`its tag "-" leaves it out, and it holds a value`)
		}
		if err != nil {
			return at("."+f.Name, err)
		}
	}
	return nil
}

func differMap(given, back reflect.Value) error {
	if given.IsNil() != back.IsNil() || given.Len() != back.Len() {
		return differAs(false, given, back)
	}
	for pairs := given.MapRange(); pairs.Next(); {
		came := back.MapIndex(pairs.Key())
		if !came.IsValid() {
			return at(placeOfKey(pairs.Key()), errors.New("it did not come back"))
		}
		if err := differ(pairs.Value(), came); err != nil {
			return at(placeOfKey(pairs.Key()), err)
		}
	}
	return nil
}

func differList(given, back reflect.Value) error {
	if given.Kind() == reflect.Slice && given.IsNil() != back.IsNil() || given.Len() != back.Len() {
		return differAs(false, given, back)
	}
	for i := range given.Len() {
		if err := differ(given.Index(i), back.Index(i)); err != nil {
			return at(fmt.Sprintf("[%d]", i), err)
		}
	}
	return nil
}

func differAs(same bool, given, back reflect.Value) error {
	if same {
		return nil
	}
	return fmt.Errorf("%s came back as %s", shown(given), shown(back))
}

// shown is a value for an error: short, and with what tells nil from empty.
func shown(v reflect.Value) string {
	nilable := []reflect.Kind{reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan}
	switch isNilable := slices.Contains(nilable, v.Kind()); {
	case isNilable && v.IsNil():
		return fmt.Sprintf("a nil %v", v.Type())
	case v.Kind() == reflect.Interface:
		return shown(v.Elem())
	case (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0:
		return fmt.Sprintf("an empty %v", v.Type())
	case isNilable:
		return fmt.Sprintf("a %v", v.Type())
	}
	return fmt.Sprintf("%v %.80v", v.Type(), v.Interface())
}
