// Package undo makes several changes of a running node, all or none.
package undo

import (
	"errors"
	"fmt"
	"slices"

	"leafmesh/mesh/config"
)

// Part is one of several changes.
type Part struct {
	What string
	// Do makes the change and gives what undoes it; nil: there is nothing to undo. After an error
	// nothing has changed.
	Do func() (undo func() error, err error)
}

// All makes changes in their order. If one fails those before it are undone, the last one first.
func All(parts []Part) error {
	var undone []Part
	for _, p := range parts {
		undo, err := p.Do()
		if err != nil {
			err = fmt.Errorf("apply %s: %w", p.What, err)
			for _, u := range slices.Backward(undone) {
				_, failed := u.Do()
				err = errors.Join(err, Failed(u.What, failed))
			}
			return err
		}
		if undo != nil {
			undone = append(undone, Part{p.What, func() (func() error, error) { return nil, undo() }})
		}
	}
	return nil
}

// Failed is the error of an undo that failed; nil of one that did not.
func Failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("undo %s: %w: %w", what, config.ErrNotUndone, err)
}
