package sick

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// illness is whether something is sick now.
type illness struct{ sick atomic.Bool }

// fall makes it sick, or not, until the function is called that it returns.
func (i *illness) fall(sick bool) (recover func()) {
	i.sick.Store(sick)
	return func() { i.sick.Store(false) }
}

// hang handles nothing until its context ends.
func (i *illness) hang(ctx context.Context, _ sample) error {
	if !i.sick.Load() {
		return nil
	}
	<-ctx.Done()
	return fmt.Errorf("hung: %w", context.Cause(ctx))
}

// dawdle takes long for each event.
func (i *illness) dawdle(ctx context.Context, _ sample) error {
	if !i.sick.Load() {
		return nil
	}
	timer := time.NewTimer(slowFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

var errFailing = errors.New("this key always fails")

// read makes the handler of a node's readings. It is one handler for the healthy keys and the sick.
func (w *ward) read(node int) func(context.Context, sample) error {
	return func(ctx context.Context, v sample) error {
		switch {
		case v.Key == failingKey && w.failing.sick.Load():
			return errFailing
		case v.Key == failingKey, v.Key == hotKey:
			return nil
		}
		return w.readings[node].handle(ctx, v)
	}
}
