package mesh

import (
	"context"
	"fmt"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/changes"
	"leafmesh/mesh/internal/operations"
	"leafmesh/mesh/internal/release"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/operator"
	"leafmesh/mesh/stats"
)

// operated is a node as operators ask it, and change it: see operations.Node.
type operated struct {
	*Node
	*changes.Changes
}

// answer begins to answer operators, when the node has all that they ask about.
func (n *Node) answer() error {
	a := operations.NewAnswerer(operations.Spec{Name: n.name, Node: operated{n, n.changes}, Operators: n.config.Operators, Clock: n.clock, Log: n.log,
		MaxPayload: int(n.config.MaxPayload)})
	n.answers.Store(a)
	return n.desk.Answer(n.leaf, a)
}

// AskAll puts a question that an operator has signed to this node and all that links lead to, or to
// one of them, as docs/operations.md describes it for clients at the tap. It returns within two
// seconds. The error says why this node refuses the question; those of others are among the
// answers.
func (n *Node) AskAll(ctx context.Context, q operator.Question) (operator.Answers, error) {
	a := n.answers.Load()
	if a == nil {
		return operator.Answers{}, fmt.Errorf("mesh: ask all nodes: node %s is being opened", n.name)
	}
	all, err := a.Ask(ctx, q)
	if err != nil {
		return all, fmt.Errorf("mesh: ask all nodes: %w", err)
	}
	return all, nil
}

// admit takes a signed question that a peer passes on: see operations.Answerer.Admit.
func (n *Node) admit(peer string, q operator.Question) (answer func(context.Context) operator.Answer, goesOn bool) {
	if a := n.answers.Load(); a != nil {
		return a.Admit(peer, q)
	}
	return func(context.Context) operator.Answer {
		return operator.Answer{Node: n.name, Error: fmt.Sprintf("node %s is being opened: ask again in some seconds", n.name), Code: 503}
	}, false
}

// AskAll puts a signed question to all other nodes.
func (n operated) AskAll(ctx context.Context, q operator.Question) ([]operator.Answer, []string) {
	return n.neighbours.AskAll(ctx, q)
}

// NodeHealth says how the node is at this moment.
func (n operated) NodeHealth() stats.NodeHealth {
	now := n.Health()
	h := stats.NodeHealth{Node: n.name, Version: release.Version(), Wire: wire.TalkVersion, UpSince: time.Unix(0, n.memory.Opened).UTC(),
		Ready: now.Ready, Problems: []string{}, Others: []string{}}
	for _, p := range now.Problems {
		h.Problems = append(h.Problems, p.Text)
	}
	for _, p := range n.peers.List() {
		if n.peers.Readers.Misses(p.Name) {
			h.Others = append(h.Others, fmt.Sprintf("link from %s: not connected, and it imports from this node", p.Name))
		}
	}
	if r := n.memory.Stats(); r != nil && r.Problem != "" {
		h.Others = append(h.Others, "cascades are not kept: "+r.Problem)
	}
	return h
}

// OnReload says how the node's file is read again when an operator asks for it. f reads the file
// and gives it to [Node.Reload], with dryRun to [Node.Compare] only, and returns the changes.
// Without it operators hear that the node has no file.
func (n *Node) OnReload(f func(ctx context.Context, dryRun bool) (config.Changes, error)) {
	n.reloader.Store(&f)
}

// Reload reads the node's file again, as an operator asks for it.
func (n operated) Reload(ctx context.Context, dryRun bool) (config.Changes, error) {
	r := n.reloader.Load()
	if r == nil {
		return nil, fmt.Errorf("%w: node %s is configured by its program, and has no file", config.ErrNoFile, n.name)
	}
	return (*r)(ctx, dryRun)
}
