package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// meshStored is a durable export of leafmesh: from emit to stored, for a service
// that does not come. Many events are emitted by EmitAll, or by 64 goroutines.
func meshStored(together bool) side {
	s := side{name: "leafmesh durable, 64 emitters"}
	if together {
		s.name = "leafmesh durable, EmitAll"
	}
	s.open = func(ctx context.Context, handle func()) (carrier, error) {
		c := &storedCarrier{durableCarrier: durableCarrier{together: together}, stored: handle}
		return c, c.open(ctx, exporter())
	}
	return s
}

// teams is how many keys there are where events are of many.
const teams = 500

// meshDurable is a durable export and its durable import on another node: from emit to
// handled, and acknowledged. The events are of the given number of keys, in turn.
func meshDurable(ordered mesh.Ordered, keys int) side {
	return side{name: durableName(ordered, keys), open: func(ctx context.Context, handle func()) (carrier, error) {
		c := &durableCarrier{together: true, keys: keys}
		return c, c.open(ctx, exporter(), importer(ordered, counting(handle)))
	}}
}

func durableName(ordered mesh.Ordered, keys int) string {
	name := "leafmesh durable"
	if ordered == mesh.OrderedByKey {
		name += ", ordered by key"
	}
	if keys > 1 {
		name += fmt.Sprintf(", %d keys", keys)
	}
	return name
}

func exporter() mesh.Config {
	return mesh.Config{Name: "clue-1", Exports: []mesh.Export{{Event: eventSubject, KeptFor: []string{"score"}}}}
}

func importer(ordered mesh.Ordered, handlers ...mesh.Handler) mesh.Config {
	return mesh.Config{Name: "score-1", Imports: []mesh.Import{{Event: eventSubject, Durable: true, Ordered: ordered}}, Handlers: handlers}
}

// durableCarrier emits on the first of its nodes, which keep their data in dir.
type durableCarrier struct {
	meshCarrier
	together bool // EmitAll
	keys     int  // of what is emitted together; with 0 or 1, all have the key of the given value
	dir      string
}

// open starts the nodes. On an error nothing is left.
func (c *durableCarrier) open(ctx context.Context, configs ...mesh.Config) (err error) {
	if err := c.giveFolders(configs); err != nil {
		return err
	}
	if c.nodes, err = inproc.Open(ctx, configs...); err != nil {
		return errors.Join(err, os.RemoveAll(c.dir))
	}
	if err := c.nodes.Ready(ctx); err != nil {
		return errors.Join(err, c.close(ctx))
	}
	c.root = c.nodes[0].Context(ctx)
	return nil
}

// giveFolders makes a directory for each node.
func (c *durableCarrier) giveFolders(configs []mesh.Config) (err error) {
	if c.dir, err = os.MkdirTemp("", "bench-durable"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	for i := range configs {
		configs[i].Data = mesh.Path(filepath.Join(c.dir, configs[i].Name))
	}
	return nil
}

func (c *durableCarrier) emitMany(_ context.Context, value *answerJudged, events int) error {
	values := make([]answerJudged, events)
	for i := range values {
		values[i] = *value
		if c.keys > 1 {
			values[i].Team = fmt.Sprintf("puzzlin-%04d", i%c.keys) // as long as the sample's
		}
	}
	return judged.EmitAll(c.root, values)
}

func (c *durableCarrier) close(ctx context.Context) error {
	return errors.Join(c.meshCarrier.close(ctx), os.RemoveAll(c.dir))
}

// storedCarrier tells of each event when it is stored.
type storedCarrier struct {
	durableCarrier
	stored func()
}

func (c *storedCarrier) emit(ctx context.Context, value *answerJudged) error {
	err := c.durableCarrier.emit(ctx, value)
	if err == nil {
		c.stored()
	}
	return err
}

func (c *storedCarrier) emitMany(ctx context.Context, value *answerJudged, events int) error {
	if !c.together {
		return sideBySide(events, c.stored, func() error { return c.durableCarrier.emit(ctx, value) })
	}
	if err := c.durableCarrier.emitMany(ctx, value, events); err != nil {
		return err
	}
	for range events {
		c.stored()
	}
	return nil
}
