package undo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/undo"
)

// Parts are applied in order. If one fails, those before it are undone in reverse, and all that
// went wrong is told.
func TestPartsAreUndoneInReverse(t *testing.T) {
	broken, stuck := errors.New("broken"), errors.New("stuck")
	var did []string
	one := func(what string, err, undone error) undo.Part {
		return undo.Part{What: what, Do: func() (func() error, error) {
			did = append(did, what)
			return func() error { did = append(did, "not "+what); return undone }, err
		}}
	}
	err := undo.All([]undo.Part{one("a", nil, nil), one("b", nil, stuck), {What: "c", Do: func() (func() error, error) { return nil, nil }}, one("d", broken, nil), one("e", nil, nil)})
	if got := fmt.Sprint(did); got != "[a b d not b not a]" {
		t.Errorf("did %s", got)
	}
	if !errors.Is(err, broken) || !errors.Is(err, stuck) || !errors.Is(err, config.ErrNotUndone) || !strings.Contains(err.Error(), "apply d") || !strings.Contains(err.Error(), "undo b") {
		t.Errorf("error: %v", err)
	}
}
