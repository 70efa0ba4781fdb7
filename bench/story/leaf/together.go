package leaf

import (
	"context"
	"errors"
	"sync"

	"leafmesh/bench/story/cascade"
	"leafmesh/bench/story/part"
)

// together is all services in one process, each with its own node, linked as between processes.
type together []*service

// OpenTogether makes all services, and returns when their nodes are linked. Each waits for the
// others, so they are opened side by side.
func OpenTogether(ctx context.Context, a part.Assignment, account *cascade.Account) (part.Side, error) {
	all := make(together, len(cascade.Services))
	problems := make([]error, len(all))
	var opening sync.WaitGroup
	for i, name := range cascade.Services {
		own := a
		own.Service = name
		all[i] = &service{Assignment: own, account: account}
		opening.Go(func() { problems[i] = all[i].open(ctx) })
	}
	opening.Wait()
	if err := errors.Join(problems...); err != nil {
		return nil, errors.Join(err, all.Close(ctx))
	}
	return all, nil
}

// Emit emits a root at the first service.
func (t together) Emit(ctx context.Context, f cascade.Fact) error { return t[0].Emit(ctx, f) }

// Losses are what the nodes counted.
func (t together) Losses() (lost []string) {
	for _, s := range t {
		lost = append(lost, s.Losses()...)
	}
	return lost
}

// Close closes all services.
func (t together) Close(ctx context.Context) (err error) {
	for _, s := range t {
		err = errors.Join(err, s.Close(ctx))
	}
	return err
}
