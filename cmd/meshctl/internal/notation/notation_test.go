package notation_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leafmesh/cmd/meshctl/internal/notation"
)

func TestJSONAndBack(t *testing.T) {
	for _, test := range []struct{ text, item, back string }{
		{`{"1":"otters","2":[1,-1,1.5,true,null]}`, "a201666f7474657273028501" + "20f93e00f5f6", ""},
		{`{"10":1,"9":2,"b":3,"a":4}`, "a409020a016161046162" + "03", `{"9":2,"10":1,"a":4,"b":3}`},
		{`{"-1":0,"01":0}`, "a220006230310" + "0", ""},
		{`18446744073709551615`, "1bffffffffffffffff", ""},
		{`"<é\n>"`, "65" + "3cc3a90a3e", ""},
		{`1e3`, "f963d0", "1000"},
		{`[]`, "80", ""},
	} {
		item, err := notation.FromJSON([]byte(test.text))
		if err != nil || hex.EncodeToString(item) != test.item {
			t.Errorf("%s: %x, %v; want %s", test.text, item, err, test.item)
			continue
		}
		want := test.back
		if want == "" {
			want = test.text
		}
		if back, err := notation.JSON(item); err != nil || string(back) != want {
			t.Errorf("%s comes back as %s, %v", test.text, back, err)
		}
	}
}

func TestWhatJSONDoesNotHave(t *testing.T) {
	for item, want := range map[string]string{
		"43010203": `"AQID"`,
		"f97e00":   `"NaN"`,
		"f97c00":   `"+Inf"`,
		"f7":       `null`,
		"c074323032362d31312d32395430333a30303a30305a": `"2026-11-29T03:00:00Z"`,
		"d82a01":                 `{"tag":42,"value":1}`,
		"c249010000000000000000": `18446744073709551616`,
		"f0":                     `"simple(16)"`,
	} {
		data, err := hex.DecodeString(item)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := notation.JSON(data); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", item, got, err, want)
		}
	}
}

func TestBadInput(t *testing.T) {
	for text, want := range map[string]string{
		``:                     "read JSON: it ends too early",
		`{"1":`:                "read JSON: it ends too early",
		`{"1":1} 2`:            "read JSON: something stands behind the value: give one",
		`{"1":1,"1":2}`:        `read JSON: the key "1" stands twice`,
		`18446744073709551616`: "read JSON: the number 18446744073709551616 has more than 64 bits",
		`1e999`:                "read JSON: the number 1e999 is out of range",
		`{a:1}`:                "read JSON: invalid character 'a'",
	} {
		if item, err := notation.FromJSON([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %x, %v; want %s", text, item, err, want)
		}
	}
	for item, want := range map[string]string{"": "read CBOR: EOF", "a101": "read CBOR: unexpected EOF", "0102": "read CBOR: ", "a2010101 02": "", "a20100613100": "a map has the key 1 as a number and as a text"} {
		data, err := hex.DecodeString(strings.ReplaceAll(item, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := notation.JSON(data); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %s, %v; want %s", item, got, err, want)
		}
	}
}

func TestFirst(t *testing.T) {
	item, rest, err := notation.First([]byte{0x82, 1, 2, 3})
	if err != nil || !bytes.Equal(item, []byte{0x82, 1, 2}) || !bytes.Equal(rest, []byte{3}) {
		t.Errorf("%x, %x, %v", item, rest, err)
	}
	if text, err := notation.Diagnostic(item); err != nil || text != "[1, 2]" {
		t.Errorf("%s, %v", text, err)
	}
}

// The messages that package wire has as vectors are read, and what is in them written as it is
// described.
func TestEventsOfTheVectors(t *testing.T) {
	files, err := filepath.Glob("../../../../mesh/internal/wire/testdata/golden/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors", err)
	}
	for _, file := range files {
		var want struct {
			ID, Root, Parent string
			Time             int64
			Key              string
			Path             []string
			Payload          json.RawMessage
		}
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &want)
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err = os.ReadFile(strings.TrimSuffix(file, ".json") + ".hex")
		if err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			t.Fatal(err)
		}
		events, err := notation.Events(data)
		if err != nil || len(events) != 1 {
			t.Fatalf("%s: %d events, %v", file, len(events), err)
		}
		e := events[0]
		parent := ""
		if !e.Parent.IsZero() {
			parent = hex.EncodeToString(e.Parent[:])
		}
		if hex.EncodeToString(e.ID[:]) != want.ID || hex.EncodeToString(e.Root[:]) != want.Root || parent != want.Parent ||
			e.At.UnixNano() != want.Time || e.Key != want.Key || !slices.Equal(e.Path, want.Path) {
			t.Errorf("%s: %+v", file, e)
		}
		payload, err := notation.FromJSON(want.Payload)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		got, err := notation.JSON(e.Payload)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		described, err := notation.JSON(payload)
		if err != nil || !bytes.Equal(got, described) {
			t.Errorf("%s: the payload is %s, described %s, %v", file, got, described, err)
		}
	}
}

func TestNoEvents(t *testing.T) {
	for item, want := range map[string]string{"80": "read a message of events: ", "83018080": "it has version 1, and this meshctl reads 2", "8302808141a0": "read an event: "} {
		data, err := hex.DecodeString(item)
		if err != nil {
			t.Fatal(err)
		}
		if events, err := notation.Events(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", item, events, err)
		}
	}
}
