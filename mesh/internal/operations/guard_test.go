package operations

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/operator"
)

// An operator may ask so many questions at once, and so many a second, whatever other operators ask
// and whoever else comes or goes.
func TestAttackByAnOperatorsFlood(t *testing.T) {
	ada, max := config.Operator{Name: "ada", Key: "A"}, config.Operator{Name: "max", Key: "M"}
	g, now, asked := newGuard("clue-1", []config.Operator{ada, max}), time.Now(), 0
	ask := func(key string) error {
		asked++
		return g.spend(operator.Signed{Key: key, Nonce: fmt.Sprint(asked), Expires: now.Add(time.Minute)}, now, now)
	}
	flood := func() (taken int) {
		for ask("A") == nil {
			taken++
		}
		return taken
	}
	if taken := flood(); taken != askBurst {
		t.Errorf("%d questions were taken at once, want %d", taken, askBurst)
	}
	if err := ask("M"); err != nil {
		t.Errorf("another operator: %v", err)
	}
	g.set([]config.Operator{ada})
	if err := ask("A"); !errors.Is(err, operator.ErrTooMany) {
		t.Errorf("when another one has gone: %v", err)
	}
	now = now.Add(time.Second)
	if taken := flood(); taken != int(askRate) {
		t.Errorf("%d questions were taken a second later, want %v", taken, askRate)
	}
}
