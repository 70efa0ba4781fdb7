package cause

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Path is the way from a root event to one event, itself included. It is immutable and safe for
// concurrent use.
//
// A mesh has few distinct paths and many events, so paths are interned: an event carries one
// pointer, and what a guard asks of a path (its depth, how often the type was there before) is
// computed once. Rejected were an array in each header (128 bytes copied at each hop of 16 steps),
// and a slice made for each handler that emits (an allocation).
type Path struct {
	tree       *Tree
	parent     *Path // nil for the tree's empty path and for a root's own step
	root       *Path // the path of the root event; itself for a root
	step       string
	encoded    []byte // step, for AppendSteps
	node       string
	subject    string
	depth      int
	recurrence int
	number     uint32 // 0: not kept

	kept     bool                             // by its parent
	children atomic.Pointer[map[string]*Path] // copied on write under tree.mu
}

// Tree interns paths. It keeps at most a stated number of them; past it paths are made for one
// event each and left to the garbage collector, so that a peer that makes paths up costs time but
// no memory that stays.
type Tree struct {
	limit  int
	empty  Path
	first  uint32 // the number of the first path
	beside *Tree  // has the numbers past this tree's; may be nil

	mu   sync.Mutex
	list []*Path // guarded by mu: those kept, by their numbers
}

// NewTree makes a tree that keeps at most limit paths.
func NewTree(limit int) *Tree {
	t := &Tree{limit: limit, first: 1}
	t.empty = Path{tree: t, depth: -1, kept: true}
	return t
}

// Beside makes a tree with a limit of its own, whose paths [Tree.Numbered] of t finds too. A tree
// has one such at most.
func (t *Tree) Beside(limit int) *Tree {
	t.beside = NewTree(limit)
	t.beside.first = t.first + uint32(t.limit)
	return t.beside
}

// Numbered returns the path that has a number, or nil.
func (t *Tree) Numbered(number uint32) *Path {
	switch {
	case t == nil || number < t.first:
		return nil
	case number >= t.first+uint32(t.limit):
		return t.beside.Numbered(number)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := int(number - t.first); at < len(t.list) {
		return t.list[at]
	}
	return nil
}

// Root returns the path of a root event: one step.
func (t *Tree) Root(step string) *Path { return t.empty.Child(step) }

// Walk returns the path of the steps, each "node:subject". It allocates only for a path it has not
// seen. It returns nil for no steps.
func (t *Tree) Walk(steps [][]byte) *Path {
	if len(steps) == 0 {
		return nil
	}
	p := &t.empty
	for _, step := range steps {
		// The view is only compared with; a new path keeps a copy.
		p = p.Child(unsafe.String(unsafe.SliceData(step), len(step)))
	}
	return p
}

// Size is the number of paths kept.
func (t *Tree) Size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.list)
}

// Child returns the path with one more step, "node:subject".
func (p *Path) Child(step string) *Path {
	if found := p.find(step); found != nil {
		return found
	}
	return p.tree.intern(p, step)
}

// Depth is the number of events between the root and this one; 0 for the root.
func (p *Path) Depth() int { return p.depth }

// Recurrence is how often this event's subject stands earlier in its own path.
func (p *Path) Recurrence() int { return p.recurrence }

// Root is the path of the root event: its one step.
func (p *Path) Root() *Path { return p.root }

// Number names the path among those that its tree keeps: see [Tree.Numbered]. A path that is not
// kept has 0. What remembers many events remembers a number for each, which holds no memory and
// which the garbage collector does not follow.
func (p *Path) Number() uint32 { return p.number }

// Step is the last step, "node:subject".
func (p *Path) Step() string { return p.step }

// Subject is the event's own subject.
func (p *Path) Subject() string { return p.subject }

// Node is the node that emitted the event.
func (p *Path) Node() string { return p.node }

// Steps lists the steps from the root on.
func (p *Path) Steps() []string {
	steps := make([]string, p.depth+1)
	for q := p; q != nil; q = q.parent {
		steps[q.depth] = q.step
	}
	return steps
}

// AppendSteps appends the steps to dst as bytes, from the root on. The bytes must not be changed.
func (p *Path) AppendSteps(dst [][]byte) [][]byte {
	if p.parent != nil {
		dst = p.parent.AppendSteps(dst)
	}
	return append(dst, p.encoded)
}

// String returns the path as people read it: "a → b → c".
func (p *Path) String() string { return strings.Join(p.Steps(), " → ") }

func (p *Path) find(step string) *Path {
	children := p.children.Load()
	if children == nil {
		return nil
	}
	return (*children)[step]
}

// maxChildren bounds how many paths are kept that differ in their last step only, so that one who
// makes steps up cannot make keeping another one slow.
const maxChildren = 1024

func (t *Tree) intern(parent *Path, step string) *Path {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found := parent.find(step); found != nil {
		return found
	}
	made := newPath(t, parent, step)
	if len(t.list) >= t.limit || !parent.kept {
		return made
	}
	children := map[string]*Path{}
	if old := parent.children.Load(); old != nil {
		if len(*old) >= maxChildren {
			return made
		}
		children = maps.Clone(*old)
	}
	made.number = t.first + uint32(len(t.list))
	t.list = append(t.list, made)
	made.kept = true
	children[made.step] = made
	parent.children.Store(&children)
	return made
}

func newPath(t *Tree, parent *Path, step string) *Path {
	step = strings.Clone(step)
	node, subject, _ := strings.Cut(step, ":")
	made := &Path{tree: t, step: step, encoded: []byte(step), node: node, subject: subject, depth: parent.depth + 1}
	made.root = made
	if parent != &t.empty {
		made.parent, made.root = parent, parent.root
	}
	for q := made.parent; q != nil; q = q.parent {
		if q.subject == subject {
			made.recurrence++
		}
	}
	return made
}
