package wire

import (
	"bytes"
	"fmt"
	"strings"
)

// maxStepBytes follows from the limits of the two names and the colon between them.
const maxStepBytes = MaxNodeBytes + 1 + MaxSubjectBytes

// SplitStep returns the two names of a step; they alias it. Without a colon both are nil.
func SplitStep(step []byte) (node, eventSubject []byte) {
	node, eventSubject, found := bytes.Cut(step, []byte{':'})
	if !found {
		return nil, nil
	}
	return node, eventSubject
}

// CheckNode reports what is wrong with a node's name, or nil: a good one has 1 to MaxNodeBytes of
// a-z, 0-9 and dash.
func CheckNode(name string) error {
	if len(name) > MaxNodeBytes {
		return fmt.Errorf("node name %s has %d bytes; at most %d are allowed", excerpt(name), len(name), MaxNodeBytes)
	}
	if err := checkToken(name); err != nil {
		return fmt.Errorf("node name %q: %w", name, err)
	}
	return nil
}

// CheckStep reports what is wrong with a step of a path, or nil.
func CheckStep(step string) error {
	node, subject, found := strings.Cut(step, ":")
	if !found {
		return fmt.Errorf("%s has no colon; a step is <node>:<subject>, like \"clue-1:clue.answer.judged\"", excerpt(step))
	}
	if err := CheckNode(node); err != nil {
		return err
	}
	return CheckSubject(subject)
}

// validStep is CheckStep's quick answer.
func validStep(step []byte) bool {
	for i, c := range step {
		if !nameByte[c] {
			return c == ':' && i > 0 && i <= MaxNodeBytes && validSubject(step[i+1:])
		}
	}
	return false
}
