package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/services/clue"
	"leafmesh/services/daemon"
	"leafmesh/services/hunt"
	"leafmesh/services/huntfile"
	"leafmesh/services/score"
)

// Cluster is the three services, running.
type Cluster struct {
	Clue  *clue.Service
	Hunt  *hunt.Service
	Score *score.Service
	Nodes inproc.Nodes // clue-1, hunt-1, score-1
	// Played is the hunt that is played.
	Played *huntfile.Hunt

	configs []mesh.Config // of the nodes, in their order
}

// linkTimeout is how long the nodes may take to link. It takes some 100 ms.
const linkTimeout = 20 * time.Second

// Open starts services, nodes and APIs, and returns when the nodes are linked. The caller closes
// the cluster.
//
// Errors: those of the databases, one of another hunt for example, and of addresses that are taken.
func Open(ctx context.Context, o Options) (*Cluster, error) {
	s, sampleHunt, err := shipped()
	if err != nil {
		return nil, err
	}
	if o.Hunt == nil {
		o.Hunt = sampleHunt
	}
	if err := s.adapt(o); err != nil {
		return nil, err
	}
	c := &Cluster{Played: o.Hunt}
	if err := c.open(ctx, s); err != nil {
		return nil, errors.Join(err, c.closeAll(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// open makes all of c. After an error, what it made so far is in c.
func (c *Cluster) open(ctx context.Context, s settings) (err error) {
	if c.Clue, err = clue.New(s.clue, c.Played); err != nil {
		return err
	}
	if c.Hunt, err = hunt.New(s.hunt, c.Played); err != nil {
		return err
	}
	if c.Score, err = score.New(s.score, c.Played); err != nil {
		return err
	}
	c.configs = []mesh.Config{s.clue.Mesh, s.hunt.Mesh, s.score.Mesh}
	for i, service := range c.services() {
		service.Declare(&c.configs[i])
	}
	if c.Nodes, err = inproc.Open(ctx, c.configs...); err != nil {
		return fmt.Errorf("open the nodes: %w", err)
	}
	ready, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	if err := c.Nodes.Ready(ready); err != nil {
		return err
	}
	lasting := context.WithoutCancel(ctx) // requests under way outlive the signal to stop
	for i, service := range c.services() {
		if err := service.Serve(lasting, c.Nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// services are those made so far, in the order of the nodes.
func (c *Cluster) services() (made []daemon.Service) {
	if c.Clue != nil {
		made = append(made, c.Clue)
	}
	if c.Hunt != nil {
		made = append(made, c.Hunt)
	}
	if c.Score != nil {
		made = append(made, c.Score)
	}
	return made
}

// Close ends the cluster and loses nothing, if ctx lasts: it ends the APIs, waits until every event
// has arrived, and closes nodes and databases. In any case nothing is left running but handlers
// that ignore the end of their context.
func (c *Cluster) Close(ctx context.Context) error {
	stopped := c.stopServing(ctx)
	settled := c.Settle(ctx)
	return errors.Join(stopped, settled, c.closeAll(context.WithoutCancel(ctx)))
}

// Settle waits until no event is queued, being handled, in a service's outbox or on a link: see
// [inproc.Nodes.Settle]. Call it when no new events come.
func (c *Cluster) Settle(ctx context.Context) error { return c.Nodes.Settle(ctx) }

func (c *Cluster) stopServing(ctx context.Context) (err error) {
	for _, service := range c.services() {
		err = errors.Join(err, service.StopServing(ctx))
	}
	return err
}

// closeTimeout is how long closing may take once nothing is on its way any more, or will not be
// waited for.
const closeTimeout = 10 * time.Second

func (c *Cluster) closeAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	err := c.stopServing(ctx)
	for _, service := range c.services() {
		service.StopRelaying()
	}
	err = errors.Join(err, c.Nodes.Close(ctx))
	for _, service := range c.services() {
		err = errors.Join(err, service.Close(ctx))
	}
	return err
}
