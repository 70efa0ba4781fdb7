package config

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"leafmesh/mesh/internal/configtest"
)

func TestOrderedInAFile(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	for text, want := range map[string]Ordered{
		"":                 OrderedNo,
		", ordered: false": OrderedNo,
		", ordered: true":  OrderedByKey,
		", ordered: all":   OrderedAll,
	} {
		file := strings.Replace(configtest.Good, "delivery: each", "durable: true"+text, 1) + "data: .\n"
		var first, again Node
		if err := loadText(t, folder, file, &first); err != nil {
			t.Fatal(err)
		}
		if got := first.Imports[0].Ordered; got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
		written, err := yaml.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := loadText(t, folder, string(written), &again); err != nil || again.Imports[0].Ordered != want {
			t.Errorf("%v comes back as %v, %v", want, again.Imports[0].Ordered, err)
		}
	}
	if text, err := (OrderedAll + 1).MarshalText(); err == nil {
		t.Errorf("an order that there is not is written as %q", text)
	}
}
