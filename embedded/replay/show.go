package replay

import (
	"sync"
	"time"
)

// show calls progress ten times a second until the function that it returns is called, and then
// once more.
func show(seen *verdicts, progress func(judged, of int)) (stop func()) {
	if progress == nil {
		return func() {}
	}
	end := make(chan struct{})
	var showing sync.WaitGroup
	showing.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				progress(seen.count(), seen.want)
			case <-end:
				progress(seen.count(), seen.want)
				return
			}
		}
	})
	return func() {
		close(end)
		showing.Wait()
	}
}
