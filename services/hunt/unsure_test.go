package hunt

import (
	"context"
	"errors"
	"testing"
	"time"

	"leafmesh/services/store"
)

// failAfter makes the next COMMIT take effect and be reported as failed.
func (r *rig) failAfter() {
	var failed bool
	r.records.write = func(ctx context.Context, f func(*store.Tx) error) error {
		err := r.records.db.Write(ctx, f)
		if err == nil && !failed {
			failed, err = true, errors.New("the answer to the COMMIT is lost")
		}
		return err
	}
}

// TestCommitThatTookEffectAllTheSame: the try after a COMMIT that was reported as failed finds the
// team as the database has it.
func TestCommitThatTookEffectAllTheSame(t *testing.T) {
	r := start(t, here(t), sample())
	r.failAfter()
	if _, err := r.Join(r.Ctx, "owls", time.UnixMilli(1)); err == nil {
		t.Error("the COMMIT did not fail")
	}
	if r.join("owls") {
		t.Error("the team is new at its second try")
	}
	r.expect("owls unlocked [a b]", "owls unlocked [a b]")

	told, err := Solved.Stage(r.inClue(), ClueSolved{Team: "owls", Clue: "a", At: 10})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func() {
		t.Helper()
		if _, err := r.Nodes.Node("clue-1").Relay(r.Ctx, told); err != nil {
			t.Fatal(err)
		}
	}
	r.failAfter()
	deliver()
	r.Rest()
	deliver()
	r.expect("owls progressed 1/3 of 5", "owls unlocked [c]")
	if p, err := r.Progress(t.Context(), "owls"); err != nil || len(p.Solved) != 1 || r.count("SELECT count(*) FROM solves") != 1 {
		t.Errorf("progress %+v, %v; %d solves", p, err, r.count("SELECT count(*) FROM solves"))
	}
	deliver()
	r.expect()
}

// TestProgressAfterACommitThatTookEffect: who asks before the next try finds it as well.
func TestProgressAfterACommitThatTookEffect(t *testing.T) {
	r := start(t, here(t), sample())
	r.join("owls")
	r.failAfter()
	r.solve("owls", "a", 10)
	r.Rest()
	if p, err := r.Progress(t.Context(), "owls"); err != nil || len(p.Solved) != 1 || len(p.Unlocked) != 3 {
		t.Errorf("progress %+v, %v", p, err)
	}
}
