package config

import (
	"fmt"
	"slices"
	"strings"
)

const (
	defaultMaxPayload = Size(64 << 10)
	minMaxPayload     = Size(1 << 10)
	maxMaxPayload     = Size(1 << 20)

	defaultRecorder = Size(32 << 20)
	minRecorder     = Size(1 << 20)
	maxRecorder     = Size(4 << 30)
)

// Validate returns every problem of the configuration at once: FieldErrors joined, nil for none. It
// reads the files and environment variables that secrets and key files name, so it holds for this
// machine and user; problems of these are [ErrSecret]. Handlers are checked by mesh.Open.
//
// Allowed, because harmless: a peer with a url from which nothing is imported (it is not dialed,
// and nodes can share one list of peers), a seed without imports, and a port without exports.
func (n Node) Validate() error {
	v := &validation{config: n, rules: firsts{}}
	v.name()
	v.listen()
	v.seed()
	v.links()
	v.hub()
	v.peers()
	v.limits()
	v.cascades()
	v.alarms()
	v.exports()
	v.imports()
	v.durability()
	v.tap()
	v.operators()
	if n.MaxPayload != 0 && (n.MaxPayload < minMaxPayload || n.MaxPayload > maxMaxPayload) {
		v.add("max_payload", fmt.Sprintf("%v is out of range", n.MaxPayload),
			fmt.Sprintf("choose from %v to %v, or leave it out for %v", minMaxPayload, maxMaxPayload, defaultMaxPayload))
	}
	if r := n.Recorder; r != nil && *r != 0 && (*r < minRecorder || *r > maxRecorder) {
		v.add("recorder", fmt.Sprintf("%v is out of range", *r),
			fmt.Sprintf("choose from %v to %v, 0 for no recorder, or leave it out for %v", minRecorder, maxRecorder, defaultRecorder))
	}
	return joined(v.problems)
}

// validation collects the problems of one configuration.
type validation struct {
	config   Node
	problems []*FieldError
	rules    firsts // by what no two of them may have in common
	// service and publicKey are the node's own, or empty if its name or its seed is bad: what would
	// only follow from that is not said.
	service, publicKey string
}

// add notes a problem of a field. It may only follow from other fields, whose paths from has:
// LoadYAML leaves it out when one of them could not be read.
func (v *validation) add(field, problem, remedy string, from ...string) {
	v.problems = append(v.problems, &FieldError{Field: field, Problem: problem, Remedy: remedy, from: from})
}

func (v *validation) addErr(field string, err error) {
	v.problems = append(v.problems, FieldErrors(InField(field, err))...)
}

// oneOf checks a word, of which none stands for the first.
func (v *validation) oneOf(field, word string, words ...string) {
	if word != "" && !slices.Contains(words, word) {
		v.add(field, fmt.Sprintf("%.200q is none of %s", word, strings.Join(words, ", ")), fmt.Sprintf("leave it out for %s", words[0]))
	}
}

// within checks a number of which 0 stands for the default.
func (v *validation) within(field string, n, most int64, standard string) {
	if n < 0 || n > most {
		v.add(field, fmt.Sprintf("%d is out of range", n), fmt.Sprintf("choose from 1 to %d, or leave it out for %s", most, standard))
	}
}

// threshold checks a number of which 0 stands for the default.
func (v *validation) threshold(field string, f float64, standard int) {
	if f != 0 && !(minAlarm <= f && f <= maxAlarm) { // not a number is in no range
		v.add(field, fmt.Sprintf("%g is out of range", f), fmt.Sprintf("choose from %g to %d, or leave it out for %d", minAlarm, maxAlarm, standard))
	}
}

// firsts remembers in which field a value stood first.
type firsts map[string]string

// twice returns the field of the value's first occurrence, or "".
func (f firsts) twice(value, field string) string {
	first, found := f[value]
	if !found {
		f[value] = field
	}
	return first
}
