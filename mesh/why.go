package mesh

import (
	"context"
	"fmt"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

// Why explains an event, or the cascade of a root, out of what this node and the others recorded:
// who caused what, where, how long it waited and took, what was refused, which handler failed with
// what and how often, and where it is now. What is not known is shown as missing, with the reason.
// See [Node.Inquire], also for the error.
func (n *Node) Why(ctx context.Context, id cause.ID) (why.Explanation, error) {
	reports, err := n.Inquire(ctx, id)
	return why.Explain(id, reports...), err
}

// Inquire returns what the mesh has recorded of the cascades of some events or roots, at most 64:
// what [Node.Recall] gives of this node, which comes first, and of all that its links lead to.
// Nodes pass the question on, each once. It returns within two seconds; a node that did not answer
// has a report whose Problem says why. Other nodes tell only of cascades that this node took part
// in. It is an error if ctx ends before this node itself has answered.
func (n *Node) Inquire(ctx context.Context, ids ...cause.ID) ([]why.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, inquireFor)
	defer cancel()
	return n.neighbours.Ask(ctx, ids...)
}

// inquireFor is how long others are asked.
const inquireFor = 2 * time.Second

// Recall returns what this node has recorded of the cascades of some events or roots, and of those
// that they are linked with by [NewRoot]: 64 at most, and 10,000 records. Another node may know an
// event under its root only, so that several nodes are asked again for what the first answers lead
// to: see why.Linked. It reads all that the recorder has, some milliseconds for each link. It may
// be called at any time, also after Close. What is found is kept for a day, as that of cascades
// that failed is. It is an error if ctx ends first; the report has then what was found so far.
func (n *Node) Recall(ctx context.Context, ids ...cause.ID) (why.Report, error) {
	return n.memory.Recall(ctx, "", ids...)
}

// Kept lists the cascades that this node keeps as something went wrong in them on it, or took long,
// the newest first. It reads what is kept, up to some ten milliseconds. It may be called at any
// time, also after Close. The error tells of cascades that cannot be read; the others are listed
// nevertheless.
func (n *Node) Kept() ([]why.Summary, error) {
	records, err := n.memory.Faults()
	if err != nil {
		err = fmt.Errorf("mesh: read the cascades that node %s keeps: %w", n.name, err)
	}
	return why.Summarize(records), err
}
