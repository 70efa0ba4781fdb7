package meshtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// Settings change how nodes are opened for a test. The zero value is what
// [Open] uses. A struct was chosen over option functions because the configs
// already are Open's variadic part.
type Settings struct {
	// WithoutCodecCheck leaves mesh.Config.CodecCheck as each config says: for
	// tests of speed, and of values that cannot be encoded.
	WithoutCodecCheck bool

	// Limit bounds each wait: opening with all links, Await, Settle, closing.
	// Default 20 s; far more than any of them takes, as it is only spent by a
	// test that fails.
	Limit time.Duration
}

const defaultLimit = 20 * time.Second

// Mesh is the nodes of one test. Its methods are safe for concurrent use.
type Mesh struct {
	// Nodes are the nodes, in the order of their configs.
	Nodes inproc.Nodes

	t         testing.TB
	limit     time.Duration
	recorders map[string]*recorder // by node name; never changes
}

// Open starts and links one node for each config and waits until all are ready,
// with the default [Settings]. Listen, Seed and Peers of the configs are
// replaced (see [inproc.Open]), and the Data of a node with something durable
// is a folder of the test if it is empty. A node without a Logger writes its warnings
// and errors into the test's log, which a test that fails shows. The test fails if opening
// fails, or if the nodes do not close without an error when it ends.
func Open(t testing.TB, configs ...mesh.Config) *Mesh {
	t.Helper()
	return Settings{}.Open(t, configs...)
}

// Open is the function [Open] with other settings.
func (s Settings) Open(t testing.TB, configs ...mesh.Config) *Mesh {
	t.Helper()
	if s.Limit <= 0 {
		s.Limit = defaultLimit
	}
	m := &Mesh{t: t, limit: s.Limit, recorders: map[string]*recorder{}}
	logger := loggerOf(t)             // its end comes after that of the nodes
	recorded := slices.Clone(configs) // the caller's configs stay as they are
	for i := range recorded {
		c := &recorded[i]
		if c.Data == "" && durable(c) {
			c.Data = mesh.Path(m.t.TempDir())
		}
		if c.Logger == nil {
			c.Logger = logger
		}
		r := &recorder{node: c.Name}
		m.recorders[c.Name] = r
		c.CodecCheck = c.CodecCheck || !s.WithoutCodecCheck
		// Last of the handlers: what is recorded has reached the queues of all others.
		c.Handlers = append(slices.Clip(c.Handlers), r.handler())
	}
	m.start(recorded)
	return m
}

func durable(c *mesh.Config) bool {
	return slices.ContainsFunc(c.Exports, func(e mesh.Export) bool { return len(e.KeptFor) > 0 }) ||
		slices.ContainsFunc(c.Imports, func(i mesh.Import) bool { return i.Durable })
}

func (m *Mesh) start(configs []mesh.Config) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), m.limit)
	defer cancel()
	nodes, err := inproc.Open(ctx, configs...)
	if err != nil {
		m.t.Fatalf("meshtest: open: %v", err)
	}
	m.Nodes = nodes
	m.t.Cleanup(m.close)
	if err := nodes.Ready(ctx); err != nil {
		m.t.Fatalf("meshtest: open: %v", err)
	}
}

// close has a context of its own: that of the test has ended by then.
func (m *Mesh) close() {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), m.limit)
	defer cancel()
	if err := m.Nodes.Close(ctx); err != nil {
		m.t.Errorf("meshtest: close: %v", err)
	}
}

// Node returns the node of a name. The test fails if there is none.
func (m *Mesh) Node(name string) *mesh.Node {
	m.t.Helper()
	n := m.Nodes.Node(name)
	if n == nil {
		m.t.Fatalf("meshtest: no node is named %q", name)
	}
	return n
}

// Context returns a context for root events of a node. It ends with the test.
func (m *Mesh) Context(node string) context.Context {
	m.t.Helper()
	return m.Node(node).Context(m.t.Context())
}
