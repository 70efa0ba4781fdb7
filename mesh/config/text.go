package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// text is a value as in YAML, on one line, without what is empty and without secrets.
func text(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	switch value := v.Interface().(type) {
	case Secret:
		return value.source()
	case MayImport:
		if value.all() {
			return allExports
		}
	case encoding.TextMarshaler:
		if text, err := value.MarshalText(); err == nil {
			return string(text)
		}
	case fmt.Stringer:
		return value.String()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return ""
		}
		return text(v.Elem())
	case reflect.Slice:
		if v.Len() == 0 {
			return ""
		}
		entries := make([]string, v.Len())
		for i := range entries {
			entries[i] = text(v.Index(i))
		}
		return "[" + strings.Join(entries, ", ") + "]"
	case reflect.Struct:
		return table(v)
	case reflect.Map:
		entries := make([]string, 0, v.Len())
		for _, key := range v.MapKeys() {
			entries = append(entries, fmt.Sprintf("%v: %s", key, text(v.MapIndex(key))))
		}
		slices.Sort(entries)
		return "{" + strings.Join(entries, ", ") + "}"
	}
	return fmt.Sprint(v.Interface())
}

func table(v reflect.Value) string {
	var entries []string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _ := keyOf(f)
		if name != "-" && f.IsExported() && !v.Field(i).IsZero() {
			entries = append(entries, name+": "+text(v.Field(i)))
		}
	}
	return "{" + strings.Join(entries, ", ") + "}"
}

// source says where a secret stands; "" if there is none.
func (s Secret) source() string {
	switch {
	case s.File != "":
		return "{file: " + s.File + "}"
	case s.Env != "":
		return "{env: " + s.Env + "}"
	case s.value != nil:
		return s.String()
	}
	return ""
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
