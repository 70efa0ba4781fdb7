// Command scale measures how a mesh grows that meets at a hub of stock nats-servers: how long it
// takes to form, what a node and the hub take of memory, how long an event takes from node to node,
// and how long all nodes need to come back when a server of the hub was killed.
//
//	make scale ARGS='-nodes 10,50 -servers 1'
//
// The nodes are in this process, each server is a process of its own. docs/scale.md has the
// figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// settings are what the flags say.
type settings struct {
	nodes, servers []int
	peers, events  int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "scale:", err)
		}
		os.Exit(1)
	}
}

func parse(arguments []string, out io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	flags.SetOutput(out)
	nodes := flags.String("nodes", "10,50,100,200", "how many nodes")
	servers := flags.String("servers", "0,1,3", "how many servers the hub has; 0: none, and nodes dial each other")
	flags.IntVar(&s.peers, "peers", 8, "how many others each node imports from")
	flags.IntVar(&s.events, "events", 5000, "how many events are timed")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if s.nodes, err = numbers(*nodes, 1); err != nil {
		return s, fmt.Errorf("-nodes: %w", err)
	}
	if s.servers, err = numbers(*servers, 0); err != nil {
		return s, fmt.Errorf("-servers: %w", err)
	}
	if s.peers < 1 || s.events < 100 || flags.NArg() > 0 {
		return s, errors.New("-peers is 1 or more, -events 100 or more, and there are no arguments")
	}
	for _, servers := range s.servers {
		if servers == 2 {
			return s, errors.New("-servers 2: each node that times events has one of two servers alone, so none can be killed")
		}
	}
	for _, n := range s.nodes {
		if n <= s.peers {
			return s, fmt.Errorf("-nodes %d: each node imports from %d others", n, s.peers)
		}
	}
	return s, nil
}

func numbers(list string, least int) (all []int, err error) {
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < least {
			return nil, fmt.Errorf("%q is no number of %d or more", text, least)
		}
		all = append(all, n)
	}
	return all, nil
}

func run(ctx context.Context, arguments []string, out, progress io.Writer) (err error) {
	s, err := parse(arguments, progress)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "leafmesh-scale-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "nats-server")
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		return fmt.Errorf("build nats-server: %w\n%s", err, text)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "nodes\tservers\timports\tformed\tMB a node\tMB a server\tone hop p50\tp99\tback after a kill\t")
	for _, servers := range s.servers {
		for _, nodes := range s.nodes {
			fmt.Fprintf(progress, "%d nodes at %d servers\n", nodes, servers)
			f, err := measure(ctx, dir, program, nodes, servers, s)
			if err != nil {
				return fmt.Errorf("%d nodes at %d servers: %w", nodes, servers, err)
			}
			fmt.Fprintf(table, "%d\t%d\t%d\t%s\t%.1f\t%.0f\t%s\t%s\t%s\t\n", nodes, servers, nodes*s.peers, round(f.formed), f.node/1e6, f.server/1e6,
				f.p50.Round(time.Microsecond), f.p99.Round(time.Microsecond), round(f.back))
		}
	}
	return table.Flush()
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
