package health

import "leafmesh/mesh/stats"

// Problem is something that keeps a node from its work, as a text and as an error.
type Problem struct {
	stats.Problem
	Err error
}

// NewProblem makes a problem of an error, whose text it has.
func NewProblem(p stats.Problem, err error) Problem {
	p.Text = err.Error()
	return Problem{p, err}
}
