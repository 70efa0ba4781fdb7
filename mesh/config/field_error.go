package config

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"leafmesh/mesh/internal/document"
)

// FieldError is one thing wrong with a configuration. [Node.Validate] and [LoadYAML] give all of
// them at once, joined; errors.As finds the first and [FieldErrors] all.
type FieldError struct {
	// File and Line say where it is. LoadYAML fills them; they are empty for a configuration made
	// in code. Line counts from 1. A key that is missing has the line of what it is missing from.
	File string
	Line int
	// Field is the path of the value as in YAML: "mesh.imports[1].event".
	Field string
	// Problem says what is wrong, Remedy what would be right.
	Problem string
	Remedy  string

	cause error
	from  []string // fields that the problem may only follow from
}

// Error returns "file:line: field: problem; remedy" without the parts that are empty, on one line
// without control characters. Very long parts are cut, and anything that reads as an nkey seed is
// left out.
func (e *FieldError) Error() string {
	text := ""
	if e.File != "" {
		text = e.File + ":"
		if e.Line > 0 {
			text += strconv.Itoa(e.Line) + ":"
		}
		text += " "
	}
	if e.Field != "" {
		text += printable(e.Field) + ": "
	}
	text += printable(e.Problem)
	if e.Remedy != "" {
		text += "; " + printable(e.Remedy)
	}
	return text
}

// Unwrap returns what caused the problem, such as the error of a file that cannot be read, or nil.
func (e *FieldError) Unwrap() error { return e.cause }

// seedText matches nkey seeds (58 characters) and private keys of every kind, and the larger part
// of a damaged one. Public keys begin with other letters; an S inside of one is no seed's start.
var seedText = regexp.MustCompile(`(^|[^A-Z2-7])[SP][A-Z2-7]{39,}`)

// maxPartBytes bounds each part of an error's text. What the file says may be a part of it, and a
// file may say a megabyte.
const maxPartBytes = 600

// printable makes a part of an error fit for a log.
func printable(text string) string {
	text = redact(text) // Before the cut, which could spare half a seed.
	if len(text) > maxPartBytes {
		text = strings.ToValidUTF8(text[:maxPartBytes], "") + "…"
	}
	if !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	var line strings.Builder
	for _, c := range text {
		if unicode.IsControl(c) {
			line.WriteString(strings.Trim(strconv.QuoteRune(c), "'"))
		} else {
			line.WriteRune(c)
		}
	}
	return line.String()
}

// redact takes seeds out of a text. A seed gets into an error when it stands where it does not
// belong: as a public key, a file name or a variable's name.
func redact(text string) string { return seedText.ReplaceAllString(text, "${1}(secret)") }

// InField puts the problems of a part under its key in the whole, so that a struct with a Node in
// it can pass on what its Validate says:
//
//	func (c Node) Validate() error {
//		return errors.Join(config.InField("mesh", c.Mesh.Validate()), …)
//	}
//
// An error that is no FieldError becomes one. Nil gives nil.
func InField(field string, err error) error {
	var problems []error
	for _, e := range FieldErrors(err) {
		e.Field = document.Join(field, e.Field)
		from := make([]string, len(e.from)) // a slice of its own: the error may be another's
		for i, other := range e.from {
			from[i] = document.Join(field, other)
		}
		e.from = from
		problems = append(problems, e)
	}
	return errors.Join(problems...)
}

// FieldErrors takes an error of [Node.Validate], [LoadYAML] or a Validate made with them apart into
// its problems, in order. Any other error in it becomes a FieldError with only a Problem. The
// result is the caller's own.
func FieldErrors(err error) []*FieldError {
	switch e := err.(type) {
	case nil:
		return nil
	case *FieldError:
		own := *e
		return []*FieldError{&own}
	case interface{ Unwrap() []error }:
		var all []*FieldError
		for _, part := range e.Unwrap() {
			all = append(all, FieldErrors(part)...)
		}
		return all
	}
	// A wrapper around FieldErrors says less than their paths do.
	if _, found := errors.AsType[*FieldError](err); found && errors.Unwrap(err) != nil {
		return FieldErrors(errors.Unwrap(err))
	}
	return []*FieldError{{Problem: err.Error(), cause: err}}
}

// joined makes one error of problems, by file, line and field.
func joined(problems []*FieldError) error {
	slices.SortStableFunc(problems, func(a, b *FieldError) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	all := make([]error, len(problems))
	for i, p := range problems {
		all[i] = p
	}
	return errors.Join(all...)
}
