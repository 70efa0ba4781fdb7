package main

import (
	"fmt"
	"regexp"
)

var (
	typeForm = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+){2}$`)
	// patternForm has wildcards as NATS has them; a fourth word is the key, as the tap writes it.
	patternForm = regexp.MustCompile(`^(([a-z0-9-]+|\*)\.){0,3}>$|^([a-z0-9-]+|\*)(\.([a-z0-9-]+|\*)){2}(\.[^.\s]+)?$`)
)

// checkType says what is wrong with an event type: the node would not say, as NATS passes it no
// such subject.
func checkType(text string) error {
	if !typeForm.MatchString(text) {
		return fmt.Errorf("%.80q is no event type: a type has three words of a-z, 0-9 and dashes, SERVICE.NOUN.VERB, as in clue.answer.submitted", text)
	}
	return nil
}

// checkPattern does the same for a pattern of types.
func checkPattern(text string) error {
	if !patternForm.MatchString(text) {
		return fmt.Errorf("%.80q is no event type and no pattern of types, as in clue.answer.submitted, clue.>, *.answer.*", text)
	}
	return nil
}
