package main

import (
	"context"
	"fmt"
	"io"

	"leafmesh/embedded/guesslog"
)

// derive is the command that prints a log's hunt.
type derive struct{ log string }

func (d *derive) run(_ context.Context, s streams) error {
	_, hunt, err := readLog(d.log, s.err)
	if err != nil {
		return err
	}
	return hunt.Hunt.Encode(s.out)
}

// readLog reads a log, tells of rows that were skipped, and derives the hunt.
func readLog(path string, warnings io.Writer) (*guesslog.Log, guesslog.Derived, error) {
	log, err := guesslog.Read(path)
	if log != nil {
		tellSkipped(warnings, path, log)
	}
	if err != nil {
		return nil, guesslog.Derived{}, err
	}
	hunt, err := guesslog.Derive(log)
	return log, hunt, err
}

func tellSkipped(w io.Writer, path string, log *guesslog.Log) {
	for _, p := range log.Problems {
		fmt.Fprintf(w, "%s:%d: row skipped: %s\n", path, p.Line, p.Text)
	}
	if more := log.Skipped - len(log.Problems); more > 0 {
		fmt.Fprintf(w, "%s: %s more rows skipped\n", path, thousands(more))
	}
}
