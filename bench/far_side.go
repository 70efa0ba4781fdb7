package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// roundTrip is how long what one node sends and the other's answer take at least, where they are far
// from each other.
const roundTrip = 50 * time.Millisecond

// meshFar is meshDurable with many keys, for nodes that are far from each other.
func meshFar(ordered mesh.Ordered) side {
	name := fmt.Sprintf("%s, %d ms round trip", durableName(ordered, teams), roundTrip.Milliseconds())
	return side{name: name, open: func(ctx context.Context, handle func()) (carrier, error) {
		c := &farCarrier{durableCarrier: durableCarrier{together: true, keys: teams}}
		if err := c.open(ctx, exporter(), importer(ordered, counting(handle))); err != nil {
			return nil, errors.Join(err, c.close(ctx))
		}
		return c, nil
	}}
}

// farCarrier is two nodes and a long line between them.
type farCarrier struct {
	durableCarrier
	line *longLine
}

func (c *farCarrier) open(ctx context.Context, from, to mesh.Config) error {
	configs := []mesh.Config{from, to}
	if err := c.giveFolders(configs); err != nil {
		return err
	}
	from, to = configs[0], configs[1]
	pair, err := nkeys.CreateUser()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	from.Listen, from.Peers = "127.0.0.1:0", []mesh.Peer{{Name: to.Name, Key: public}}
	exporting, err := mesh.Open(ctx, from)
	if err != nil {
		return err
	}
	c.nodes = inproc.Nodes{exporting}
	if c.line, err = openLongLine(ctx, exporting.ListenAddr(), roundTrip/2); err != nil {
		return err
	}
	to.Seed = mesh.NewSecret(string(seed))
	to.Peers = []mesh.Peer{{Name: from.Name, URL: "nats-leaf://" + c.line.addr()}}
	importing, err := mesh.Open(ctx, to)
	if err != nil {
		return err
	}
	c.nodes = append(c.nodes, importing)
	c.root = exporting.Context(ctx)
	return importing.Ready(ctx)
}

func (c *farCarrier) close(ctx context.Context) error {
	err := c.durableCarrier.close(ctx)
	if c.line != nil {
		err = errors.Join(err, c.line.close())
	}
	return err
}
