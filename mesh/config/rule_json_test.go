package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"leafmesh/mesh/internal/configtest"
)

// Each kind of rule comes back from its JSON and its YAML, as given and with its defaults.
func TestARuleComesBackFromJSONAndYAML(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	var full Node
	if err := loadText(t, folder, configtest.Full, &full); err != nil {
		t.Fatal(err)
	}
	rules := append(full.Rules(), full.Limits...)
	if len(rules) != 15 {
		t.Fatalf("%d rules, want 6 limits and 3 of exports and imports, and the 6 as given", len(rules))
	}
	for _, rule := range rules {
		ruleComesBack(t, rule)
	}
}

// A field that is new must come back, under the key and as the text that it has in a file.
func TestEveryFieldOfARuleComesBack(t *testing.T) {
	var full Rule
	fill(t, reflect.ValueOf(&full).Elem())
	ruleComesBack(t, full)
	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	inJSON(t, reflect.ValueOf(full), fields)
	for i := range reflect.TypeFor[Rule]().NumField() {
		var one Rule
		fill(t, reflect.ValueOf(&one).Elem().Field(i))
		ruleComesBack(t, one)
	}
}

func ruleComesBack(t *testing.T, rule Rule) {
	t.Helper()
	for name, library := range map[string]struct {
		marshal   func(any) ([]byte, error)
		unmarshal func([]byte, any) error
	}{"JSON": {json.Marshal, json.Unmarshal}, "YAML": {yaml.Marshal, func(text []byte, into any) error { return yaml.Unmarshal(text, into) }}} {
		text, err := library.marshal(rule)
		if err != nil {
			t.Fatal(err)
		}
		var back Rule
		if err := library.unmarshal(text, &back); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if back != rule {
			t.Errorf("came back from the %s %s as\n%+v, want\n%+v", name, text, back, rule)
		}
	}
}

// fill gives a value, and each field in it, something that is not zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case v.Kind() == reflect.String:
		v.SetString(`odd "text": {x}` + "\u2028ü")
	case v.Type() == reflect.TypeFor[time.Duration]():
		v.SetInt(int64(90*time.Minute + time.Nanosecond))
	case v.CanInt():
		v.SetInt(7)
	case v.CanFloat():
		v.SetFloat(1.0 / 3)
	default:
		t.Fatalf("the test cannot fill a %v: teach it", v.Type())
	}
}

// inJSON checks that each field stands in the JSON as it does in a file.
func inJSON(t *testing.T, v reflect.Value, fields map[string]any) {
	t.Helper()
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		got, found := fields[key]
		switch field := v.Field(i).Interface().(type) {
		case time.Duration:
			if got != field.String() {
				t.Errorf("%s is %v, want %v", key, got, field)
			}
		case Limit:
			inner, _ := got.(map[string]any)
			inJSON(t, v.Field(i), inner)
		default:
			if !found {
				t.Errorf("%s is not in the JSON: %v", key, fields)
			}
		}
	}
}

func TestBadJSONOfARuleSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`{"event": ">", "burts": 3}`:                `unknown field "burts"`,
		`{"event": ">", "limit": {"rate": "20"}}`:   `rate "20" is not a positive number with a unit`,
		`{"event": ">", "within": 2000000000}`:      "cannot unmarshal number",
		`{"event": ">", "within": "soon"}`:          `within "soon" is no duration`,
		`{"event": ">", "limit": {"policy": true}}`: "cannot unmarshal bool",
	} {
		kept := Rule{Name: "kept"}
		err := json.Unmarshal([]byte(text), &kept)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one that says %s", text, err, want)
		}
		if kept != (Rule{Name: "kept"}) {
			t.Errorf("%s changed the rule to %+v", text, kept)
		}
	}
}
