package cause

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func bytesOf(steps []string) [][]byte {
	var out [][]byte
	for _, s := range steps {
		out = append(out, []byte(s))
	}
	return out
}

// A path answers as a plain list of steps does, whether it is interned or past
// the tree's limit.
func TestPathMatchesAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := NewTree(rapid.IntRange(0, 8).Draw(t, "limit"))
		for range 20 {
			steps := rapid.SliceOfN(rapid.SampledFrom([]string{
				"a-1:a.b.c", "a-1:a.b.d", "b-1:a.b.c", "b-2:x.y.z"}), 1, 6).Draw(t, "steps")
			checkAgainstList(t, tree.Walk(bytesOf(steps)), steps)
			p := tree.Root(steps[0])
			for _, s := range steps[1:] {
				p = p.Child(s)
			}
			checkAgainstList(t, p, steps)
		}
		if tree.Size() > tree.limit {
			t.Fatalf("%d paths kept, limit %d", tree.Size(), tree.limit)
		}
	})
}

func checkAgainstList(t *rapid.T, p *Path, steps []string) {
	last := steps[len(steps)-1]
	node, subject, _ := strings.Cut(last, ":")
	recurrence := 0
	for _, s := range steps[:len(steps)-1] {
		if strings.HasSuffix(s, ":"+subject) {
			recurrence++
		}
	}
	if got := p.Steps(); !slices.Equal(got, steps) {
		t.Fatalf("steps %v, want %v", got, steps)
	}
	if p.Depth() != len(steps)-1 || p.Recurrence() != recurrence || p.Subject() != subject || p.Node() != node {
		t.Fatalf("%v: depth %d, recurrence %d, subject %q, node %q", p, p.Depth(), p.Recurrence(), p.Subject(), p.Node())
	}
	if p.Root().Step() != steps[0] {
		t.Fatalf("root %v, want %v", p.Root(), steps[0])
	}
	if got := p.AppendSteps(nil); !slices.EqualFunc(got, steps, func(b []byte, s string) bool { return string(b) == s }) {
		t.Fatalf("appended steps %s, want %v", got, steps)
	}
}

func TestSamePathIsOnePointer(t *testing.T) {
	tree := NewTree(100)
	steps := bytesOf([]string{"a-1:a.b.c", "b-1:a-service.with-a-long.name-of-an-event"})
	first, again := tree.Walk(steps), tree.Walk(steps)
	if first != again || first != tree.Root("a-1:a.b.c").Child(string(steps[1])) {
		t.Error("one path, two pointers")
	}
	if n := testing.AllocsPerRun(100, func() { tree.Walk(steps) }); n != 0 {
		t.Errorf("%v allocations for a known path", n)
	}
}

func TestHostilePathsDoNotStay(t *testing.T) {
	tree := NewTree(64)
	for i := range 10_000 {
		tree.Walk(bytesOf([]string{fmt.Sprintf("a-%d:a.b.c", i), "b-1:d.e.f"}))
	}
	if tree.Size() != 64 {
		t.Errorf("%d paths kept, want 64", tree.Size())
	}
}

// A number finds the path that has it, in a tree and in the one beside it, and a path that is not
// kept has none.
func TestNumbersFindPaths(t *testing.T) {
	own := NewTree(2)
	peers := own.Beside(2)
	for i, p := range []*Path{own.Root("a-1:a.b.c"), own.Root("a-1:a.b.d"), peers.Root("b-1:b.c.d"), peers.Root("b-1:b.c.e")} {
		if got := own.Numbered(p.Number()); got != p || p.Number() != uint32(i+1) {
			t.Errorf("%v has number %d, which is %v", p, p.Number(), got)
		}
	}
	if n := own.Root("a-1:a.b.e").Number() + peers.Root("b-1:b.c.f").Number(); n != 0 {
		t.Errorf("paths that are not kept have numbers")
	}
	for _, number := range []uint32{0, 5, 1 << 31} {
		if got := own.Numbered(number); got != nil {
			t.Errorf("%d is %v", number, got)
		}
	}
	if got := NewTree(8).Numbered(1); got != nil {
		t.Errorf("1 of an empty tree is %v", got)
	}
}
