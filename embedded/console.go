package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"leafmesh/embedded/cluster"
	"leafmesh/embedded/huntpages"
	"leafmesh/mesh/console"
	"leafmesh/mesh/door"
)

// serveConsole serves the console of all nodes, and the pages of the hunt. apis is the flag that
// says where the APIs are.
func serveConsole(apis string, c *cluster.Cluster) (*door.Server, error) {
	after := "127.0.0.1:0"
	if !strings.HasSuffix(apis, ":0") {
		score, err := url.Parse(c.Score.URL())
		if err != nil {
			return nil, fmt.Errorf("address of the console: %w", err)
		}
		after = score.Host
	}
	listen, err := consoleAddress(after)
	if err != nil {
		return nil, err
	}
	for _, n := range c.Nodes {
		n.Measure() // now, so that the slowest since the start are known
	}
	pages, err := huntpages.New(c.Clue.URL(), c.Hunt.URL(), c.Score.URL())
	if err != nil {
		return nil, err
	}
	nodes := console.Nodes(c.Nodes)
	return console.Serve(console.Config{Listen: listen}, console.Options{Source: nodes, Changer: nodes, Logger: slog.Default(),
		Links: huntpages.Links(), Pages: map[string]http.Handler{huntpages.Root: pages}})
}

// consoleAddress is where the console is: at the port after score's, and at any free one if score
// is. It is for this machine alone, wherever the APIs are, as who sees it needs no password.
func consoleAddress(score string) (string, error) {
	_, text, err := net.SplitHostPort(score)
	if err != nil {
		return "", fmt.Errorf("address of the console: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 65535 {
		return "", fmt.Errorf("address of the console: after port %q there is none", text)
	}
	if port != 0 {
		port++
	}
	return net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10)), nil
}

// closeConsole ends the console before the nodes that it shows.
func closeConsole(ctx context.Context, s *door.Server) error {
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	return s.Close(closing)
}
