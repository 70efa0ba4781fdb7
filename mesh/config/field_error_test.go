package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestFieldErrorText(t *testing.T) {
	for want, e := range map[string]*FieldError{
		"a.yaml:3: name: bad; do good": {File: "a.yaml", Line: 3, Field: "name", Problem: "bad", Remedy: "do good"},
		"a.yaml: bad":                  {File: "a.yaml", Problem: "bad"},
		"name: bad":                    {Field: "name", Problem: "bad"},
		"bad; do good":                 {Problem: "bad", Remedy: "do good"},
		"a\\n\\tb":                     {Problem: "a\n\tb"},
		strings.Repeat("é", 300) + "…": {Problem: strings.Repeat("é", 2000)},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestInFieldPrefixesEveryProblem(t *testing.T) {
	plain, original := errors.New("plain"), &FieldError{Field: "[2].event", Problem: "bad"}
	inner := fmt.Errorf("wrapped: %w", errors.Join(original, &FieldError{Problem: "whole"}))
	err := InField("mesh", InField("imports", errors.Join(inner, plain)))
	if want := "mesh.imports[2].event: bad\nmesh.imports: whole\nmesh.imports: plain"; err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if !errors.Is(err, plain) {
		t.Error("the plain error is not found")
	}
	if original.Field != "[2].event" {
		t.Errorf("the original was changed to %s", original.Field)
	}
	if InField("mesh", nil) != nil || InField("mesh", errors.Join()) != nil {
		t.Error("nil did not stay nil")
	}
}
