package sick

import (
	"errors"
	"sync"
)

// emitters are goroutines that emit, and their errors.
type emitters struct {
	running sync.WaitGroup

	mu   sync.Mutex
	errs []error // guarded by mu
}

// Go runs one more.
func (e *emitters) Go(run func() error) {
	e.running.Go(func() {
		err := run()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.errs = append(e.errs, err)
	})
}

// Wait waits for all and gives their errors.
func (e *emitters) Wait() error {
	e.running.Wait()
	return errors.Join(e.errs...)
}
