package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh/config"
	"leafmesh/mesh/hub"
)

// hubCommand writes the configuration of one server of a hub.
type hubCommand struct {
	Name        string   `required:"" placeholder:"NAME" help:"The server's name, unique in the cluster."`
	Listen      string   `required:"" placeholder:"HOST:PORT" help:"The leaf port, which hub.urls of the node files name."`
	Certificate string   `placeholder:"FILE" help:"The server's certificate. Without it links have no TLS."`
	Key         string   `placeholder:"FILE" help:"The certificate's private key."`
	CA          string   `name:"ca" placeholder:"FILE" help:"Who signed the certificates of the cluster's servers."`
	Cluster     string   `placeholder:"HOST:PORT" help:"Where the other servers of the cluster connect. It needs --certificate, --key and --ca."`
	Route       []string `placeholder:"HOST:PORT" help:"The cluster port of a server of the cluster. Repeat it for each."`
	Files       []string `arg:"" name:"file" help:"The node files of all nodes."`
}

// Help is shown by meshctl hub --help.
func (hubCommand) Help() string {
	return `Nodes that have no direct link meet at a hub: a stock nats-server, or a cluster of them. This
writes its configuration to standard output, from the files of all nodes: which node may
say what to whom. A node's public hub key is that of hub.seed, or stands in the file beside
it that ends in .pub.

When a node comes or goes, write it again. A reload of the hub admits the node that came. It
does not end the link of one that went: take that one out of its peers' files first, and then
restart the hub's servers one after the other.

  meshctl hub --name hub-a --listen 0.0.0.0:7422 --certificate hub-a.pem --key hub-a.key \
      clue.yaml hunt.yaml score.yaml > hub-a.conf
  nats-server -c hub-a.conf`
}

// Run writes the configuration.
func (c hubCommand) Run(out output) error {
	switch {
	case (c.Certificate == "") != (c.Key == ""):
		return errors.New("give both --certificate and --key, or none of the two")
	case c.Cluster != "" && (c.Certificate == "" || c.CA == ""):
		return errors.New("--cluster needs --certificate, --key and --ca: servers prove themselves to each other by them")
	case len(c.Route) > 0 && c.Cluster == "":
		return errors.New("--route needs --cluster")
	}
	var nodes []hub.Node
	for _, file := range c.Files {
		node, err := nodeOf(file)
		if err != nil {
			return err
		}
		if node.Hub == nil {
			continue
		}
		key, err := publicKeyOf(node.Hub.Seed)
		if err != nil {
			return fmt.Errorf("%s: hub.seed: %w", file, err)
		}
		nodes = append(nodes, hub.Node{Config: node.WithDefaults(), Key: key})
	}
	h, err := hub.Nodes(nodes)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(out.results, h.Render(hub.Server{Name: c.Name, Listen: c.Listen, Certificate: c.Certificate, Key: c.Key, CA: c.CA,
		Cluster: c.Cluster, Routes: c.Route}))
	return err
}

// publicKeyOf gives the public key of a seed, or what stands in the file beside it.
func publicKeyOf(seed config.Secret) (string, error) {
	text, err := seed.Resolve()
	if err == nil {
		pair, err := nkeys.FromSeed([]byte(text))
		if err != nil {
			return "", errors.New("it is no nkey seed")
		}
		return pair.PublicKey()
	}
	if seed.File == "" {
		return "", err
	}
	data, publicErr := os.ReadFile(seed.File + ".pub")
	if publicErr != nil {
		return "", fmt.Errorf("neither the seed nor its public key is here: %w", errors.Join(err, publicErr))
	}
	return strings.TrimSpace(string(data)), nil
}
