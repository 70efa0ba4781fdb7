package main

import (
	"bytes"
	"io"
	"os"
	"testing"
)

func TestBar(t *testing.T) {
	for _, c := range []struct {
		done, of int
		want     string
	}{
		{0, 40, "\r[········································]   0 %  0 of 40"},
		{19254, 38508, "\r[████████████████████····················]  50 %  19,254 of 38,508"},
		{40, 40, "\r[████████████████████████████████████████] 100 %  40 of 40"},
	} {
		if got := bar(c.done, c.of); got != c.want {
			t.Errorf("%d of %d: got %q, want %q", c.done, c.of, got, c.want)
		}
	}
	var out bytes.Buffer
	terminal := &progressBar{w: &out}
	terminal.end() // Nothing drawn, nothing to end.
	terminal.draw(1, 2)
	terminal.end()
	if got := out.String(); got != bar(1, 2)+"\n" {
		t.Errorf("drawn: %q", got)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, w := range []io.Writer{&out, null} {
		if none := newBar(w); none.w != nil {
			t.Errorf("a bar is drawn on %T, which is no terminal", w)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 38508: "38,508", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestStatusLine(t *testing.T) {
	s := status{guesses: 1200, solves: 3, local: 5000, exported: 6, imported: 7, links: 4, linksUp: 3}
	if got, want := s.totals(), "guesses 1,200  solves 3  finished 0  events local 5,000 exported 6 imported 7 shed 0  links 3/4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.lost, s.failures = 2, 1
	if got, want := s.totals(), "guesses 1,200  solves 3  finished 0  events local 5,000 exported 6 imported 7 shed 0 lost 2 failed calls 1  links 3/4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
