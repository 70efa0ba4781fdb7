package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/console"
	"leafmesh/mesh/door"
	"leafmesh/mesh/metrics"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/traces"
)

// drainTimeout is how long a daemon takes to stop at most. Service managers kill after 90 s
// (systemd) or 30 s (Kubernetes) by default.
const drainTimeout = 20 * time.Second

// maxStopDelay bounds Config.StopDelay: with the drain it has to end before the service manager's
// patience does.
const maxStopDelay = time.Minute

// Service is one service, made but not yet running: its store is open.
type Service interface {
	// Declare adds the service's handlers to c.
	Declare(c *mesh.Config)
	// Serve starts to relay to node what the store's outbox holds, if it has one, and the HTTP API
	// of the service, whose root events go into node. It returns when the API listens.
	Serve(ctx context.Context, node *mesh.Node) error
	// Check says why the service's database cannot be written; nil: it can.
	Check(ctx context.Context) error
	// URL is where the HTTP API is reached.
	URL() string
	// StopServing ends the HTTP API, so that no further root event comes in. Harmless when not
	// serving.
	StopServing(ctx context.Context) error
	// StopRelaying leaves what is in the store's outbox for the next start. Harmless when not
	// relaying.
	StopRelaying()
	// Close ends all else, the store last.
	Close(ctx context.Context) error
}

// Serve runs s as a node of its own until ctx ends. It owns s from here on: s is closed when Serve
// returns. f is where c was read from, to be read again; nil if it is from no file.
//
// Start: declare handlers, open the node, export its traces, give out its metrics and its console,
// serve HTTP; linking goes on in the background and is logged when ready. Stop: /readyz says so for
// c.StopDelay. Then, within 20 s: HTTP first, so that nothing new comes in, then the relay, as a
// node that closes takes no more of it, then the node, so that handlers finish with the store still
// open, then traces, metrics, console and the service. What handlers put into the store's outbox by
// then is relayed after the next start.
func Serve(ctx context.Context, c Config, s Service, f *File) error {
	lasting := context.WithoutCancel(ctx) // what runs while draining must not end with the signal
	c.Log.Apply()
	s.Declare(&c.Mesh)
	c.Mesh.Logger = slog.Default()
	node, err := mesh.Open(ctx, c.Mesh)
	if err != nil {
		return errors.Join(fmt.Errorf("open node %q: %w", c.Mesh.Name, err), s.Close(lasting))
	}
	node.AddCheck("database", s.Check)
	systemd := managerOf(os.Getenv)
	following, unfollow := context.WithCancel(lasting)
	var followers sync.WaitGroup
	followers.Go(func() { systemd.follow(following, node) })
	if f != nil {
		node.OnReload(func(ctx context.Context, dryRun bool) (config.Changes, error) { return f.reload(ctx, node, dryRun) })
	}
	followers.Go(func() { f.follow(following, node) })
	defer followers.Wait()
	defer unfollow()
	traced, err := trace(c.Traces, node)
	var watched *metrics.Server
	if err == nil {
		watched, err = watch(ctx, c.Metrics, node, s)
	}
	var shown *door.Server
	if err == nil {
		shown, err = show(c.Console, node)
	}
	if err == nil {
		err = serve(ctx, lasting, node, s, systemd)
	}
	if err == nil {
		systemd.tell("STOPPING=1")
		time.Sleep(c.StopDelay) // a second signal ends the process meanwhile
	}
	drain, cancel := context.WithTimeout(lasting, drainTimeout)
	defer cancel()
	err = errors.Join(err, s.StopServing(drain))
	s.StopRelaying()
	err = errors.Join(err, node.Close(drain))
	if traced != nil {
		endTraces(drain, traced, node)
	}
	for _, port := range []*door.Server{watched, shown} {
		if port != nil {
			err = errors.Join(err, port.Close(drain))
		}
	}
	err = errors.Join(err, s.Close(drain))
	logLosses(node)
	return err
}

// serve serves until ctx ends; what is served lives on.
func serve(ctx, lasting context.Context, node *mesh.Node, s Service, systemd manager) error {
	if err := s.Serve(lasting, node); err != nil {
		return err
	}
	systemd.tell("READY=1") // and not when it is linked: peers may wait for this one
	defer slog.Info("stopping", "node", node.Name())
	slog.Info("serving", "node", node.Name(), "url", s.URL())
	if err := untilReady(ctx, node); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// trace exports spans of the node's cascades; nil without a configuration.
func trace(c *traces.Config, node *mesh.Node) (*traces.Exporter, error) {
	if c == nil {
		return nil, nil
	}
	return traces.Export(*c, node, slog.Default())
}

// endTraces sends the last spans. That a collector is not there is no fault of a daemon's.
func endTraces(ctx context.Context, e *traces.Exporter, node *mesh.Node) {
	if err := e.Close(ctx); err != nil {
		slog.Warn("spans lost", "node", node.Name(), "error", err)
	}
}

// watch gives out the metrics and the health of the node and its service; nil without a
// configuration.
func watch(ctx context.Context, c *metrics.Config, node *mesh.Node, s Service) (*metrics.Server, error) {
	if c == nil {
		return nil, nil
	}
	running := metrics.Check{Name: "running", Ready: func(context.Context) error {
		if ctx.Err() != nil {
			return errors.New("it stops")
		}
		return nil
	}}
	server, err := metrics.Serve(*c, node, metrics.Check{Name: "database", Ready: s.Check}, running)
	if err == nil {
		slog.Info("metrics", "node", node.Name(), "url", server.URL())
	}
	return server, err
}

// show serves the console of the node; nil without a configuration. Without a token everybody on
// this machine gets in, and so nobody may change anything.
func show(c *console.Config, node *mesh.Node) (*door.Server, error) {
	if c == nil {
		return nil, nil
	}
	o := console.Options{Source: console.Nodes{node}, Logger: slog.Default()}
	if !c.Operator.IsZero() {
		all, err := console.NewEverywhere(node, c.Operator)
		if err != nil {
			return nil, fmt.Errorf("serve console: %w", err)
		}
		o.Source = all
	}
	if !c.Token.IsZero() {
		o.Changer = console.Nodes{node}
	}
	server, err := console.Serve(*c, o)
	if err == nil {
		slog.Info("console", "node", node.Name(), "url", server.URL())
	}
	return server, err
}

// logLosses says by name what did not arrive while the node ran.
func logLosses(node *mesh.Node) {
	for _, c := range node.Stats().Counts {
		if c.Outcome.IsLoss() || c.Outcome == stats.Unheard {
			slog.Warn("events that did not arrive", "node", node.Name(), "type", c.Type, "outcome", c.Outcome,
				"place", c.Place, "rule", c.Rule, "events", c.Count)
		}
	}
}

// untilReady waits until the node is linked, or ctx ends, and logs which. A peer that is down keeps
// this node from being ready, not from serving; an import that a peer does not export is an error,
// as waiting would not mend it.
func untilReady(ctx context.Context, node *mesh.Node) error {
	err := node.Ready(ctx)
	switch {
	case errors.Is(err, mesh.ErrNotExported):
		return err
	case err != nil:
		slog.Warn("not linked before the end", "node", node.Name(), "error", err)
	default:
		slog.Info("linked: every import is connected", "node", node.Name())
	}
	return nil
}
