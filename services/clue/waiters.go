package clue

import "sync"

// maxWaiters bounds how many callers of Answer may wait at a time. At 20,000 guesses a second it is
// a fifth of a second's worth; each costs some 200 bytes.
const maxWaiters = 4096

// waiters are the callers who wait for a verdict, by attempt. The zero value is ready.
type waiters struct {
	mu      sync.Mutex
	waiting map[string]chan Judgement // guarded by mu
}

// add announces a caller. The channel gets one judgement at most. The caller calls remove in the
// end.
func (w *waiters) add(attempt string) (<-chan Judgement, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) >= maxWaiters {
		return nil, ErrBusy
	}
	if w.waiting == nil {
		w.waiting = make(map[string]chan Judgement)
	}
	c := make(chan Judgement, 1) // so that tell never waits for a caller that has gone
	w.waiting[attempt] = c
	return c, nil
}

func (w *waiters) remove(attempt string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, attempt)
}

// tell gives a judgement to whoever waits for it, if anybody does. It does not wait.
func (w *waiters) tell(j Judgement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.waiting[j.Attempt]; c != nil {
		delete(w.waiting, j.Attempt)
		c <- j
	}
}
