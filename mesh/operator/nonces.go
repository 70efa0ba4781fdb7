package operator

import (
	"fmt"
	"slices"
	"time"
)

// maxNonces bounds what is remembered: some 10 MB. keptNonces is how many of them may be over: were
// they forgotten at once, those questions could be asked again when the wall clock is set back.
const maxNonces, keptNonces = 1 << 16, 1 << 14

// Nonces are the questions that were asked, for as long as each could be asked again, also if the
// wall clock is set back. The zero value is ready to use. It is not safe for concurrent use.
type Nonces struct {
	spent map[nonce]time.Time // until when
	swept time.Time           // when those that are over were forgotten last
	// forgotten is the latest end of those that are forgotten. As they are those that ended first,
	// a wall clock that was ahead and is set right does not lock operators out.
	forgotten time.Time
}

// nonce is one of an operator: no operator can spend another's.
type nonce struct{ key, text string }

// Spend notes a question that [Verify] has checked. now may go back. Errors: ErrReplayed, also if
// the question may have been asked, as its nonce would be forgotten by now; ErrTooMany, as one that
// is not remembered could come again.
func (n *Nonces) Spend(s Signed, now time.Time) error {
	if n.spent == nil {
		n.spent = map[nonce]time.Time{}
	}
	of := nonce{s.Key, s.Nonce}
	if _, known := n.spent[of]; known {
		return ErrReplayed
	}
	if !s.Expires.After(n.forgotten) {
		return fmt.Errorf("%w, or may have been: the node's wall clock was set back; ask again in %v", ErrReplayed, n.forgotten.Sub(s.Expires)+time.Second)
	}
	if len(n.spent) > keptNonces && (now.Sub(n.swept) >= time.Second || now.Before(n.swept)) {
		n.sweep(now)
	}
	if len(n.spent) >= maxNonces {
		return ErrTooMany
	}
	n.spent[of] = s.Expires
	return nil
}

// sweep forgets those that ended first of those that are over. Half of what may be kept stays, so
// that they need not be sorted each second.
func (n *Nonces) sweep(now time.Time) {
	n.swept = now
	var over []time.Time
	for _, until := range n.spent {
		if !until.After(now) {
			over = append(over, until)
		}
	}
	if len(over) <= keptNonces/2 {
		return
	}
	slices.SortFunc(over, time.Time.Compare)
	n.forgotten = over[len(over)-keptNonces/2-1]
	for of, until := range n.spent {
		if !until.After(n.forgotten) {
			delete(n.spent, of)
		}
	}
}
