package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The commands of docs/operations.md are ones that meshctl has, and each alarm has a row that says
// what to do.
func TestOperationsHasCommandsThatExistAndEveryAlarm(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("(?m)`meshctl ([^`]+)`|^    meshctl (.+)$").FindAllStringSubmatch(string(text), -1)
	if len(commands) < 10 {
		t.Errorf("%d commands", len(commands))
	}
	for _, match := range commands {
		line := match[1] + match[2]
		if line == "why" || line == "hub" || line == "check" || strings.HasPrefix(line, "password") { // with what follows in words
			continue
		}
		parser, err := newParser(output{results: io.Discard, problems: io.Discard}, func() {})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(words(line)); err != nil {
			t.Errorf("meshctl %s: %v", line, err)
		}
	}
	alerts, err := os.ReadFile("../../configs/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(alerts), -1)
	if len(names) < 10 {
		t.Errorf("%d alerts", len(names))
	}
	for _, name := range names {
		if !strings.Contains(string(text), "| `"+name[1]+"` | ") {
			t.Errorf("docs/operations.md does not say what to do about %s", name[1])
		}
	}
}
