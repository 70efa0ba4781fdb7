package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/wire.md is what other implementations are written from: its CDDL, its examples and its
// annotated message are checked.
func TestDocument(t *testing.T) {
	document := string(must(os.ReadFile("../../../docs/wire.md")))
	if cddl := string(must(os.ReadFile("../../../docs/wire.cddl"))); !strings.Contains(document, "```cddl\n"+cddl+"```\n") {
		t.Error("the CDDL of docs/wire.md is not docs/wire.cddl")
	}
	if cddl := string(must(os.ReadFile("../../../docs/talk.cddl"))); !strings.Contains(document, "```cddl\n"+cddl+"```\n") {
		t.Error("the CDDL of the talk in docs/wire.md is not docs/talk.cddl")
	}
	for _, example := range keyExamples {
		if row := fmt.Sprintf("| `%s` |\n", example.token); !strings.Contains(document, row) {
			t.Errorf("the table of keys has no row that ends with %q", row)
		}
	}
	_, annotated, found := strings.Cut(document, "```annotated\n")
	annotated, _, ended := strings.Cut(annotated, "```")
	if !found || !ended {
		t.Fatal("docs/wire.md has no annotated message")
	}
	var message []byte
	for _, line := range strings.Split(strings.TrimSpace(annotated), "\n") {
		match := regexp.MustCompile(`^ *(\d+)  ([0-9a-f]{2}(?: [0-9a-f]{2})*)(?:  |$)`).FindStringSubmatch(line)
		if match == nil {
			t.Fatalf("annotated line %q has no offset and bytes", line)
		}
		if match[1] != fmt.Sprint(len(message)) {
			t.Errorf("annotated line %q begins at byte %d", line, len(message))
		}
		message = append(message, must(hex.DecodeString(strings.ReplaceAll(match[2], " ", "")))...)
	}
	for _, vector := range goldenVectors(t) {
		if vector.name == "typical" && !bytes.Equal(vector.message, message) {
			t.Errorf("the annotated message is %x; the vector %x", message, vector.message)
		}
	}
}
