package main

import (
	"io"
	"strings"
	"testing"
)

// Each kind of mesh is measured, and each figure is there.
func TestMeasures(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-nodes", "4", "-peers", "2", "-servers", "0,1,3", "-events", "100"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(rows) != 4 {
		t.Fatalf("%s", out.String())
	}
	for _, row := range rows[1:] {
		if fields := strings.Fields(row); len(fields) != 9 || fields[0] != "4" || fields[2] != "8" || fields[6] == "0s" || fields[7] == "0s" {
			t.Errorf("row %q", row)
		}
	}
}

func TestRefusesWrongFlags(t *testing.T) {
	for _, line := range []string{"-nodes 8", "-nodes x", "-servers 2", "-servers -1", "-peers 0", "more"} {
		if _, err := parse(strings.Fields(line), io.Discard); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}
