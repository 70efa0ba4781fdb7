package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// MaxBody is the largest request body that Decode reads, in bytes.
const MaxBody = 16 << 10

// Decode reads the request's body as one JSON value of type T. The error is a *Problem: status 415
// when the content type is not application/json, 413 when the body is larger than MaxBody, 400 when
// it is not one JSON value that fits T; a field that T does not have is refused too.
func Decode[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	var v T
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return v, NewProblem(http.StatusUnsupportedMediaType, "the content type must be application/json")
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, decodeProblem(err)
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // Token returns it bare
		if p := tooLarge(err); p != nil {
			return v, p
		}
		return v, NewProblem(http.StatusBadRequest, "the body holds more than one JSON value")
	}
	return v, nil
}

// decodeProblem words an error of encoding/json for the client, without naming Go types.
func decodeProblem(err error) *Problem {
	if p := tooLarge(err); p != nil {
		return p
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return NewProblem(http.StatusBadRequest, "the body is empty; it must be a JSON object")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return NewProblem(http.StatusBadRequest, "the body ends within a JSON value")
	case errors.As(err, &syntax):
		return NewProblem(http.StatusBadRequest, "the body is not JSON, at byte %d: %v", syntax.Offset, syntax)
	case errors.As(err, &kind):
		return NewProblem(http.StatusBadRequest, "%s cannot be a JSON %s", fieldName(kind.Field), kind.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return NewProblem(http.StatusBadRequest, "unknown field %s", field)
	}
	return NewProblem(http.StatusBadRequest, "the body cannot be read")
}

// tooLarge returns the problem of a body over MaxBody, nil for other errors.
func tooLarge(err error) *Problem {
	var tooLarge *http.MaxBytesError
	if !errors.As(err, &tooLarge) {
		return nil
	}
	return NewProblem(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", tooLarge.Limit)
}

// fieldName names a field in a sentence.
func fieldName(field string) string {
	if field == "" {
		return "the body"
	}
	return fmt.Sprintf("field %q", field)
}
