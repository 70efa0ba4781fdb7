package config

import (
	"errors"
	"slices"
)

// MayImport says which of a node's exports a peer may import: their subjects, or [AllExports]. A
// peer without it may import nothing, whatever key it has. In a file it is a list, or the word all.
type MayImport []string

// allExports stands for each export. It is no subject: those have three words.
const allExports = "all"

// AllExports lets a peer import whatever the node exports.
func AllExports() MayImport { return MayImport{allExports} }

// Includes reports whether the subject may be imported.
func (m MayImport) Includes(subject string) bool {
	return m.all() || slices.Contains(m, subject)
}

func (m MayImport) all() bool { return len(m) == 1 && m[0] == allExports }

// MarshalYAML returns the word all or the list.
func (m MayImport) MarshalYAML() (any, error) {
	if m.all() {
		return allExports, nil
	}
	return []string(m), nil
}

// UnmarshalYAML reads the word all or a list.
func (m *MayImport) UnmarshalYAML(read func(any) error) error {
	var list []string
	if read(&list) == nil {
		*m = list
		return nil
	}
	var word string
	if read(&word) == nil && word == allExports {
		*m = AllExports()
		return nil
	}
	return errors.New("it does not say what the peer may import: write all, or a list of event types, as in [clue.clue.solved]")
}
