package stats_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// A refusal is made once and given to many: whatever a caller does with what it got, the others
// read what was there.
func TestNobodyCanChangeWhatAnotherCallerReads(t *testing.T) {
	refused := stats.RefusedError{Type: "core.step.taken", Place: "emit", Rule: "flood"}
	cascade := stats.CascadeError{RefusedError: refused, Limit: 3, Value: 4, Lineage: cause.NewTree(1).Root("core-1:core.step.taken")}
	for _, shared := range []error{refused, cascade, fmt.Errorf("wrapped: %w", cascade)} {
		before := shared.Error()
		value, _ := errors.AsType[stats.RefusedError](shared)
		value.Rule = "mine"
		var pointer *stats.RefusedError
		if !errors.As(shared, &pointer) || pointer.Rule != "flood" {
			t.Fatalf("%v as a pointer: %+v", shared, pointer)
		}
		*pointer = stats.RefusedError{}
		var bound *stats.CascadeError
		if errors.As(shared, &bound) {
			*bound = stats.CascadeError{}
		}
		if after := shared.Error(); after != before {
			t.Errorf("%q became %q", before, after)
		}
	}
}

func TestWhatIsFoundInARefusal(t *testing.T) {
	limit := stats.RefusedError{Rule: "flood"}
	late := stats.RefusedError{Rule: "flood", Cause: context.DeadlineExceeded}
	loop := stats.CascadeError{RefusedError: stats.RefusedError{Rule: stats.CascadeLoop}, Limit: 1}
	for _, test := range []struct {
		err                         error
		refused, cascade, late, one bool
	}{
		{limit, true, false, false, false},
		{late, true, false, true, false},
		{loop, true, true, false, true},
		{&limit, true, false, false, false},
		{&loop, true, true, false, true},
		{errors.Join(errors.New("other"), loop), true, true, false, true},
		{errors.New("other"), false, false, false, false},
	} {
		if got := errors.Is(test.err, stats.ErrRefused); got != test.refused {
			t.Errorf("%T is ErrRefused: %v", test.err, got)
		}
		if got := errors.Is(test.err, stats.ErrCascade); got != test.cascade {
			t.Errorf("%T is ErrCascade: %v", test.err, got)
		}
		if got := errors.Is(test.err, context.DeadlineExceeded); got != test.late {
			t.Errorf("%T is its cause: %v", test.err, got)
		}
		if bound, ok := errors.AsType[stats.CascadeError](test.err); ok != test.one || ok && bound.Limit != 1 {
			t.Errorf("%T as a CascadeError: %+v, %v", test.err, bound, ok)
		}
		if refused, ok := errors.AsType[stats.RefusedError](test.err); ok != test.refused || ok && refused.Rule == "" {
			t.Errorf("%T as a RefusedError: %+v, %v", test.err, refused, ok)
		}
	}
}

// Storms ask this of each refusal.
func TestToAskForASentinelAllocatesNothing(t *testing.T) {
	var err error = stats.CascadeError{RefusedError: stats.RefusedError{Rule: stats.CascadeLoop}}
	for _, target := range []error{stats.ErrCascade, stats.ErrRefused, stats.ErrClosed} {
		if n := testing.AllocsPerRun(100, func() { errors.Is(err, target) }); n != 0 {
			t.Errorf("errors.Is(…, %v): %v allocations", target, n)
		}
	}
}
