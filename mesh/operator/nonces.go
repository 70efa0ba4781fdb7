package operator

import "time"

// maxNonces bounds what is remembered: some 10 MB.
const maxNonces = 1 << 16

// Nonces are the questions that were asked, for as long as each could be asked again. The zero
// value is ready to use. It is not safe for concurrent use.
type Nonces struct {
	spent map[nonce]time.Time // until when
	swept time.Time           // when those that are over were forgotten last
}

// nonce is one of an operator: no operator can spend another's.
type nonce struct{ key, text string }

// Spend notes a question that [Verify] has checked. Errors: ErrReplayed; ErrTooMany, as one that is
// not remembered could come again.
func (n *Nonces) Spend(s Signed, now time.Time) error {
	if n.spent == nil {
		n.spent = map[nonce]time.Time{}
	}
	of := nonce{s.Key, s.Nonce}
	if until, known := n.spent[of]; known && until.After(now) {
		return ErrReplayed
	}
	if now.Sub(n.swept) >= time.Second || now.Before(n.swept) {
		n.sweep(now)
	}
	if len(n.spent) >= maxNonces {
		return ErrTooMany
	}
	n.spent[of] = s.Expires
	return nil
}

func (n *Nonces) sweep(now time.Time) {
	n.swept = now
	for of, until := range n.spent {
		if !until.After(now) {
			delete(n.spent, of)
		}
	}
}
