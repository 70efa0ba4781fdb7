package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// barWidth is the width of the bar itself, in characters; the line stays under 80.
const barWidth = 40

// progressBar draws how far a replay is.
type progressBar struct {
	w     io.Writer // nil: nothing is drawn
	drawn bool
}

// newBar makes a bar on w if it is a terminal, and one that draws nothing if it is not.
func newBar(w io.Writer) *progressBar {
	file, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(file.Fd()) {
		return &progressBar{}
	}
	return &progressBar{w: w}
}

// draw draws the bar, in the place of the one before.
func (b *progressBar) draw(done, of int) {
	if b.w == nil {
		return
	}
	b.drawn = true
	fmt.Fprint(b.w, bar(done, of))
}

// end ends the bar's line.
func (b *progressBar) end() {
	if b.drawn {
		fmt.Fprintln(b.w)
	}
}

// bar gives the line, which begins with a carriage return.
func bar(done, of int) string {
	full := barWidth * done / max(of, 1)
	return fmt.Sprintf("\r[%s%s] %3d %%  %s of %s", strings.Repeat("█", full), strings.Repeat("·", barWidth-full),
		100*done/max(of, 1), thousands(done), thousands(of))
}
