package gate

import "sync"

// ledger counts the events of cascades: the account of each, and which had none for the longest.
type ledger struct {
	mu       sync.Mutex
	limit    int
	accounts map[[16]byte]*account // guarded by mu
	newest   *account              // guarded by mu: a ring in order of use
	evicted  uint64                // guarded by mu
	_        [64]byte
}

type account struct {
	root       [16]byte
	count      int
	prev, next *account
}

// accountLocked finds or makes the cascade's account, as the newest.
func (l *ledger) accountLocked(root [16]byte) *account {
	a := l.accounts[root]
	switch {
	case a == l.newest && a != nil:
		return a
	case a != nil:
		a.prev.next, a.next.prev = a.next, a.prev
	case len(l.accounts) < l.limit:
		a = &account{root: root}
		l.accounts[root] = a
	default:
		a = l.recycleLocked(root)
	}
	if l.newest == nil {
		a.prev, a.next = a, a
	} else {
		a.prev, a.next = l.newest.prev, l.newest
		a.prev.next, a.next.prev = a, a
	}
	l.newest = a
	return a
}

// recycleLocked takes the oldest account out of the ring for another cascade.
func (l *ledger) recycleLocked(root [16]byte) *account {
	a := l.newest.prev
	l.evicted++
	delete(l.accounts, a.root)
	if a == l.newest {
		l.newest = nil
	} else {
		a.prev.next, a.next.prev = a.next, a.prev
	}
	a.root, a.count = root, 0
	l.accounts[root] = a
	return a
}
