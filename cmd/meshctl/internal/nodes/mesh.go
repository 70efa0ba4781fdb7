package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Mesh is the nodes that are asked. Its methods are safe for concurrent use.
type Mesh interface {
	// Ask asks every node. There is an answer for each, in the order of their names: of one that
	// did not answer, too, with what is known of why.
	Ask(ctx context.Context, question string, data []byte) []Answer
	// AskOne asks the node of a name alone, as for a change that is not the same on all.
	AskOne(ctx context.Context, node, question string, data []byte) Answer
	// Close ends the connections.
	Close()
}

// Answer is what one node says.
type Answer struct {
	// Node is the node's name; the address of a tap whose node could not be asked for its name.
	Node string
	Data []byte
	// Err is nil, or says why there is no Data: a Problem if the node says so itself.
	Err error
	// Asked and Got are when the question left and the answer came, by this machine's clock.
	Asked, Got time.Time
}

// Decode stores the answer's JSON in what into points to.
func (a Answer) Decode(into any) error {
	if a.Err != nil {
		return a.Err
	}
	if err := json.Unmarshal(a.Data, into); err != nil {
		return fmt.Errorf("an answer that cannot be read: %w", err)
	}
	return nil
}

// Problem is an answer that is an error.
type Problem struct {
	Code int // as in HTTP
	Text string
}

// Error is the text.
func (p *Problem) Error() string { return p.Text }

// IsUnknown reports whether a node does not know what it was asked: a question that its version
// does not have, or a thing that is not there.
func IsUnknown(err error) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && p.Code == 404
}

// ErrNoTap is in the answer of a node that is to be asked alone, and at whose tap nobody can.
var ErrNoTap = errors.New("this is asked at the node's own tap, which is not among those given: name its file with --file, or its tap with --server")

// ErrSilent is the error of a node that others know of and that did not answer.
var ErrSilent = errors.New("it did not answer in time, or no link leads there")

// Clock is by how much the node's clock is ahead of this machine's, and how far off that may be:
// half of what the answer took. at is when the node made the answer, by its clock, in nanoseconds
// since 1970.
func (a Answer) Clock(at int64) (difference, within time.Duration) {
	within = a.Got.Sub(a.Asked) / 2
	return time.Unix(0, at).Sub(a.Asked.Add(within)), within
}
