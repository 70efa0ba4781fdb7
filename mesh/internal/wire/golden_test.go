package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// update writes the .hex files from the .json files, and testdata/refused.json. Both are the
// contract with other implementations: a change in a committed file is a new version of the format.
var update = flag.Bool("update", false, "write the vectors in testdata anew")

// description is what a .json file in testdata/golden says of the message in the .hex file beside
// it.
type description struct {
	About   string      `json:"about"`
	Subject string      `json:"subject"` // the NATS subject it is sent on
	ID      string      `json:"id"`      // hex
	Root    string      `json:"root"`    // hex
	Parent  *string     `json:"parent"`  // hex, or null
	Time    json.Number `json:"time"`    // nanoseconds
	Age     json.Number `json:"age"`     // nanoseconds
	Key     string      `json:"key"`
	Path    []string    `json:"path"`
	Payload any         `json:"payload"` // a map's keys are strings here: "1" is the integer 1
}

// vector is one golden vector, both its files read.
type vector struct {
	name        string
	description description
	envelope    *Envelope // what the description says
	message     []byte    // what the .hex file holds
	event       []byte    // the one in it
}

func goldenVectors(t testing.TB) []vector {
	t.Helper()
	files := must(filepath.Glob("testdata/golden/*.json"))
	if len(files) < 8 {
		t.Fatalf("%d golden vectors in testdata/golden; the files are missing", len(files))
	}
	var vectors []vector
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		v := vector{name: name}
		if err := readJSON(file, &v.description); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		v.envelope = v.description.envelope()
		hexFile := strings.TrimSuffix(file, ".json") + ".hex"
		if *update {
			writeHex(t, hexFile, AppendContainer(nil, must(AppendEvent(nil, v.envelope))))
		}
		v.message = readHex(hexFile)
		v.event = must(SplitContainer(v.message, nil))[0]
		vectors = append(vectors, v)
	}
	return vectors
}

func TestGolden(t *testing.T) {
	for _, v := range goldenVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			if event, err := AppendEvent(nil, v.envelope); err != nil || !bytes.Equal(AppendContainer(nil, event), v.message) {
				t.Errorf("encoded %x, %v\nwant %x in %x", event, err, v.event, v.message)
			}
			var got Envelope
			if err := DecodeStored(v.message, &got); err != nil {
				t.Fatalf("decode: %v", err)
			}
			if !reflect.DeepEqual(&got, v.envelope) {
				t.Errorf("decoded %+v\nwant %+v", got, v.envelope)
			}
			var payload any
			if err := DecodePayload(got.Payload, &payload); err != nil {
				t.Errorf("payload: %v", err)
			}
			if got, want := asJSON(payload), asJSON(fromJSON(v.description.Payload)); !reflect.DeepEqual(got, want) {
				t.Errorf("payload %#v\nwant %#v", got, want)
			}
			if err := got.MatchSubject(v.description.Subject); err != nil {
				t.Error(err)
			}
			subject, key, err := SplitSubject(v.description.Subject)
			if err != nil || subject != string(got.Subject()) || key != got.Key {
				t.Errorf("subject %q, key %q: %v", subject, key, err)
			}
		})
	}
}

func (d *description) envelope() *Envelope {
	e := &Envelope{ID: hexID(d.ID), Root: hexID(d.Root), Time: must(d.Time.Int64()), Age: time.Duration(must(d.Age.Int64())), Key: d.Key, Path: steps(d.Path...)}
	if d.Parent != nil {
		e.Parent = hexID(*d.Parent)
	}
	e.Payload = must(AppendPayload(nil, fromJSON(d.Payload)))
	return e
}

// Each file in testdata/containers names the golden vectors whose events stand in one message, in
// order.
func TestGoldenContainers(t *testing.T) {
	events := map[string][]byte{}
	for _, v := range goldenVectors(t) {
		events[v.name] = v.event
	}
	files := must(filepath.Glob("testdata/containers/*.json"))
	if len(files) < 2 {
		t.Fatalf("%d containers; the files are missing", len(files))
	}
	for _, file := range files {
		var about struct {
			About  string   `json:"about"`
			Events []string `json:"events"`
		}
		if err := readJSON(file, &about); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var want [][]byte
		for _, name := range about.Events {
			want = append(want, events[name])
		}
		hexFile := strings.TrimSuffix(file, ".json") + ".hex"
		if *update {
			writeHex(t, hexFile, AppendContainer(nil, want...))
		}
		message := readHex(hexFile)
		if got := AppendContainer(nil, want...); !bytes.Equal(got, message) {
			t.Errorf("%s: encoded %x\nwant %x", file, got, message)
		}
		if got, err := SplitContainer(message, nil); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: split into %x, %v\nwant %x", file, got, err, want)
		}
	}
}

func hexID(s string) (id ID) {
	if copy(id[:], must(hex.DecodeString(s))) != len(id) || len(s) != 2*len(id) {
		panic("id " + s)
	}
	return id
}

// fromJSON turns the JSON of a payload into what is encoded: numbers as integers where they are,
// "1" as a map's key into 1.
func fromJSON(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return n
		}
		return must(v.Float64())
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = fromJSON(v[i])
		}
		return out
	case map[string]any:
		out := map[any]any{}
		for name, field := range v {
			if n, err := strconv.ParseInt(name, 10, 64); err == nil {
				out[n] = fromJSON(field)
			} else {
				out[name] = fromJSON(field)
			}
		}
		return out
	}
	return v
}

// asJSON makes two values comparable that differ in Go's types of integers only.
func asJSON(v any) any {
	switch v := v.(type) {
	case int64, uint64:
		return fmt.Sprint(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = asJSON(v[i])
		}
		return out
	case map[any]any:
		out := map[string]any{}
		for name, field := range v {
			out[fmt.Sprintf("%v", name)] = asJSON(field)
		}
		return out
	}
	return v
}

func readJSON(file string, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(must(os.ReadFile(file))))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	return decoder.Decode(into)
}

func writeJSON(t testing.TB, file string, v any) {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readHex(file string) []byte {
	return must(hex.DecodeString(strings.Join(strings.Fields(string(must(os.ReadFile(file)))), "")))
}

// writeHex writes 32 bytes a line.
func writeHex(t testing.TB, file string, message []byte) {
	t.Helper()
	var out strings.Builder
	for len(message) > 0 {
		n := min(32, len(message))
		fmt.Fprintf(&out, "%x\n", message[:n])
		message = message[n:]
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func bigInt(s string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, fmt.Errorf("no integer: %q", s)
	}
	return n, nil
}
