package handling

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"leafmesh/mesh/stats"
)

// finalError is an error after which trying again would not help.
type finalError struct{ why error }

func (e *finalError) Error() string { return e.why.Error() }
func (e *finalError) Unwrap() error { return e.why }

// Final makes an error final; nil stays nil.
func Final(why error) error {
	if why == nil {
		return nil
	}
	return &finalError{why}
}

// notNowError asks for the event again, after a time.
type notNowError struct{ after time.Duration }

func (e *notNowError) Error() string { return fmt.Sprintf("not now, but after %v", e.after) }

// NotNow makes an error that asks for the event again after a time, and is no try.
func NotNow(after time.Duration) error { return &notNowError{max(0, after)} }

// IsFinal reports whether an error of a handler is not to be tried again.
func IsFinal(err error) bool { return IsOneOf(err, stats.ErrCascade) || is[*finalError](err) }

// IsNotNow reports whether an error of a handler is no try, and when the handler wants to be asked
// again. What is final is not.
func IsNotNow(err error) (after time.Duration, notNow bool) {
	e, notNow := as[*notNowError](err)
	if !notNow || IsFinal(err) {
		return 0, false
	}
	return e.after, true
}

func isNotNow(err error) bool {
	_, notNow := IsNotNow(err)
	return notNow
}

func is[E error](err error) bool {
	_, found := as[E](err)
	return found
}

// as is errors.AsType for errors of others: see IsOneOf.
func as[E error](err error) (found E, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return errors.AsType[E](err)
}

// IsOneOf is errors.Is for errors of others, which may panic when they are asked, as a nil pointer
// in an error does.
func IsOneOf(err error, targets ...error) (is bool) {
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
