package operations

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"leafmesh/mesh/why"
)

// damagedNode is a node of whose kept cascades some cannot be read.
type damagedNode struct {
	Node
	list []why.Summary
	err  error
}

func (n damagedNode) Kept() ([]why.Summary, error) { return n.list, n.err }

// Kept cascades that cannot be read are told of beside the others, in the room that there is.
func TestDamagedCascadesHideNoOthers(t *testing.T) {
	const room = 4 << 10
	n := damagedNode{list: make([]why.Summary, 100), err: errors.New(strings.Repeat("faults.97 is cut, ", 1000))}
	data, err := (&Answerer{Spec: Spec{Node: n}}).kept(request{room: room})
	if err != nil || len(data) > room {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	var p part
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.List) == 0 || len(p.List)+p.More != len(n.list) || !strings.HasPrefix(p.Damaged, "faults.97 is cut") {
		t.Errorf("%d and %d more, damaged: %q", len(p.List), p.More, p.Damaged)
	}
}
