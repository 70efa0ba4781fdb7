// Package checkup judges whether a mesh is well: what its nodes say, and what their files say
// together. It is pure: what is known is given to it.
package checkup

import "fmt"

// Check is one thing that was looked at.
type Check struct {
	// Name is a short name for scripts, About what is well if there are no findings.
	Name  string `json:"name"`
	About string `json:"about"`
	// Findings say what is not well.
	Findings []Finding `json:"findings"`
	// Notes say what is well and may all the same not be meant.
	Notes []Finding `json:"notes,omitempty"`
	// Skipped says why it could not be looked at; "" if it was.
	Skipped string `json:"skipped,omitempty"`
}

// Finding is one thing that is not well, and what to do about it.
type Finding struct {
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

// find adds a finding.
func (c *Check) find(remedy, problem string, values ...any) {
	c.Findings = append(c.Findings, Finding{fmt.Sprintf(problem, values...), remedy})
}

// note adds a note.
func (c *Check) note(remedy, problem string, values ...any) {
	c.Notes = append(c.Notes, Finding{fmt.Sprintf(problem, values...), remedy})
}

// checked makes a check, of which how finds what is not well.
func checked(name, about string, how func(c *Check)) Check {
	c := Check{Name: name, About: about, Findings: []Finding{}}
	how(&c)
	return c
}
