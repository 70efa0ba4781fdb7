package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// roundTrip is how long what one node sends and the other's answer take at least, where they are
// far from each other.
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
	fromSeed, fromKey, err := newKey()
	if err != nil {
		return err
	}
	toSeed, toKey, err := newKey()
	if err != nil {
		return err
	}
	from.Listen, from.Seed, from.Peers = "127.0.0.1:0", fromSeed, []mesh.Peer{{Name: to.Name, Key: toKey, MayImport: mesh.AllExports()}}
	exporting, err := mesh.Open(ctx, from)
	if err != nil {
		return err
	}
	c.nodes = inproc.Nodes{exporting}
	if c.line, err = openLongLine(ctx, exporting.ListenAddr(), roundTrip/2); err != nil {
		return err
	}
	to.Seed, to.Peers = toSeed, []mesh.Peer{{Name: from.Name, URL: "nats-leaf://" + c.line.addr(), Key: fromKey}}
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
