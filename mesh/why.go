package mesh

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/archive"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/neighbours"
	"leafmesh/mesh/internal/recorder"
	"leafmesh/mesh/stats"
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

const (
	// maxLinked bounds how many cascades a report has: those of [NewRoot] lead on without an end.
	maxLinked = 64
	// maxRecalled bounds the records of a report, some 2 MB.
	maxRecalled = 10_000
)

// Recall returns what this node has recorded of the cascades of some events or roots, and of those
// that they are linked with by [NewRoot]: 64 at most, and 10,000 records. Another node may know an
// event under its root only, so that several nodes are asked again for what the first answers lead
// to: see why.Linked. It reads all that the recorder has, some milliseconds for each link. It may
// be called at any time, also after Close. What is found is kept for a day, as that of cascades
// that failed is. It is an error if ctx ends first; the report has then what was found so far.
func (n *Node) Recall(ctx context.Context, ids ...cause.ID) (why.Report, error) {
	return n.recall(ctx, "", ids...)
}

// recall is Recall, as a peer asks, or "" for whoever asks this node.
func (n *Node) recall(ctx context.Context, who string, ids ...cause.ID) (why.Report, error) {
	r := why.Report{Node: n.name, Started: n.opened, Handlers: map[string][]string{}}
	if n.recorder == nil {
		r.Problem = "it has no recorder: set recorder in its file"
		return r, nil
	}
	s := search{ask: recorder.Ask{Roots: map[cause.ID]bool{}, Events: map[cause.ID]bool{}, Causes: map[cause.ID]bool{}}}
	for _, id := range ids[:min(len(ids), maxLinked)] {
		s.ask.Roots[id], s.ask.Events[id], s.ask.Causes[id] = true, true, true
	}
	for s.more() {
		if ctx.Err() != nil {
			return r, fmt.Errorf("mesh: recall cascades on node %s: %w", n.name, clock.EndOf(ctx))
		}
		n.recorder.Find(s.ask, s.found)
		if err := n.archive.Find(s.ask, s.found); err != nil {
			r.Damaged = err.Error()
		}
		r.Records = s.read()
	}
	if more := len(r.Records) - maxRecalled; more > 0 {
		r.Records, r.More = r.Records[:maxRecalled], more
	}
	n.keep(who, r.Records)
	types := n.table.Load().types
	for _, of := range r.Records {
		if t := types[of.Type]; t != nil && r.Handlers[of.Type] == nil {
			r.Handlers[of.Type] = t.handlers.Names()
		}
	}
	r.Running = n.running(s.ask.Roots)
	seen := n.recorded()
	r.Since, r.Left = seen.Since, seen.Left
	r.Now = n.clock.Wall() // last, so that nothing in the report is later
	return r, nil
}

// Kept lists the cascades that this node keeps as something went wrong in them on it, or took long,
// the newest first. It reads what is kept, up to some ten milliseconds. It may be called at any
// time, also after Close. The error tells of cascades that cannot be read; the others are listed
// nevertheless.
func (n *Node) Kept() ([]why.Summary, error) {
	records, err := n.archive.Faults()
	if err != nil {
		err = fmt.Errorf("mesh: read the cascades that node %s keeps: %w", n.name, err)
	}
	return why.Summarize(records), err
}

// recorded tells how full the recorder is; nil if there is none.
func (n *Node) recorded() *stats.Recorder {
	seen := n.archive.Stats(n.recorder.Stats())
	if seen != nil {
		seen.Untold = n.neighbours.Untold()
	}
	return seen
}

// keep keeps the cascades of records, as somebody asks for them and may ask again.
func (n *Node) keep(who string, records []why.Record) {
	roots := map[cause.ID]bool{}
	for _, r := range records {
		roots[r.Root] = true
	}
	n.archive.Keep(who, slices.Collect(maps.Keys(roots)))
}

// search follows the links between cascades: up from a root to the event whose handler emitted it,
// and down from events to the roots that their handlers emitted.
type search struct {
	ask     recorder.Ask
	records []why.Record // of this round
	asked   int          // how much was asked for in the round before
}

// more reports whether there is something to ask for that was not.
func (s *search) more() bool {
	n := len(s.ask.Roots) + len(s.ask.Events) + len(s.ask.Causes)
	grown := n > s.asked
	s.asked = n
	s.records = s.records[:0]
	return grown
}

func (s *search) found(r why.Record) { s.records = append(s.records, r) }

// read takes what was found, and asks for what it is linked with.
func (s *search) read() []why.Record {
	records := why.Compact(slices.Clone(s.records))
	for i := range records {
		r := &records[i]
		if len(s.ask.Roots) < maxLinked {
			s.ask.Roots[r.Root] = true
		}
		if len(s.ask.Causes) < maxRecalled {
			s.ask.Causes[r.Event] = true
		}
		if r.Event == r.Root && !r.Parent.IsZero() && len(s.ask.Events) < maxLinked {
			s.ask.Events[r.Parent] = true
		}
	}
	return records
}

// openArchive begins to keep the cascades in which something goes wrong: on the disk, if the node
// has a data directory that is its own.
func (n *Node) openArchive() (err error) {
	if n.recorder == nil {
		return nil
	}
	folder := ""
	if n.config.IsDurable() {
		folder = filepath.Join(string(n.config.Data), "cascades")
	}
	a, err := archive.Open(archive.Spec{Node: n.name, Folder: folder, Bytes: archiveBytes(*n.config.Recorder), Recorder: n.recorder, Clock: n.clock, Log: n.log,
		Kept:    func(root cause.ID, records []why.Record) { n.neighbours.Kept(root, records) },
		Shelved: n.keptRecords})
	if err != nil {
		return err
	}
	n.archive = a
	return nil
}

// openNeighbours lets peers speak of cascades.
func (n *Node) openNeighbours() {
	peers := map[string]bool{}
	for _, p := range n.config.Peers {
		peers[p.Name] = true
	}
	n.neighbours = neighbours.New(neighbours.Spec{Node: n.name, Peers: slices.Sorted(maps.Keys(peers)), Clock: n.clock, Log: n.log, Recall: n.recall,
		Takes: func(peer, subject string) bool { return n.peers.Readers.Takes(peer, subject) }, Keep: n.archive.Keep, Admit: n.admit})
}

// closeArchive keeps what has come until now.
func (n *Node) closeArchive() error {
	n.life.end()
	n.archiving.Wait()
	return n.archive.Close()
}
