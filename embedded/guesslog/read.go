package guesslog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Errors of a log as a whole.
var (
	// ErrEmpty: there is nothing in the log.
	ErrEmpty = errors.New("the file is empty")
	// ErrNoGuess: all rows had to be skipped.
	ErrNoGuess = errors.New("no row has the form time,team,puzzle,guess,Y or N")
)

// Read reads the log in a file. All of it is held in memory, some 200 bytes a row, but of a line
// that is too long for a row only the beginning. With ErrNoGuess the log is returned too: it holds
// what is wrong with the rows.
func Read(path string) (*Log, error) {
	text, err := readLines(path)
	if err != nil {
		return nil, fmt.Errorf("read guess log: %w", err)
	}
	log, err := Parse(text)
	if err != nil {
		return log, fmt.Errorf("read guess log %q: %w", path, err)
	}
	return log, nil
}

// readLines reads a file, and of a line that is too long no more than shows that it is.
func readLines(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	var text strings.Builder
	for lines, left := bufio.NewReader(file), maxRecordBytes+1; ; {
		piece, err := lines.ReadSlice('\n') // at most its buffer, 4 KiB
		line, ended := bytes.CutSuffix(piece, []byte("\n"))
		line = line[:min(len(line), left)]
		left -= len(line)
		text.Write(line)
		if ended {
			text.WriteByte('\n')
			left = maxRecordBytes + 1
		}
		switch {
		case errors.Is(err, io.EOF):
			return text.String(), nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

// Parse reads a log. Errors: ErrEmpty, ErrNoGuess.
func Parse(text string) (*Log, error) {
	text = strings.TrimPrefix(text, "\ufeff") // a byte order mark, as spreadsheets write it
	if strings.TrimSpace(text) == "" {
		return nil, ErrEmpty
	}
	log := &Log{Guesses: make([]Guess, 0, strings.Count(text, "\n")+1)}
	for r := (records{rest: text}); r.next(); {
		if r.err != nil {
			log.skip(r.line, r.err.Error())
			continue
		}
		guess, problem := parseRow(r.fields)
		if problem != "" {
			log.skip(r.line, problem)
			continue
		}
		guess.Line = r.line
		log.Guesses = append(log.Guesses, guess)
	}
	if len(log.Guesses) == 0 {
		return log, ErrNoGuess
	}
	return log, nil
}
