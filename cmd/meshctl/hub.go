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
	Name        string   `placeholder:"NAME" help:"The server's name, unique in the cluster."`
	Listen      string   `placeholder:"HOST:PORT" help:"The leaf port, which hub.urls of the node files name."`
	Certificate string   `placeholder:"FILE" help:"The server's certificate. Without it links have no TLS."`
	Key         string   `placeholder:"FILE" help:"The certificate's private key."`
	CA          string   `name:"ca" placeholder:"FILE" help:"Who signed the certificates of the cluster's servers."`
	Cluster     string   `placeholder:"HOST:PORT" help:"Where the other servers of the cluster connect. It needs --certificate, --key and --ca."`
	Route       []string `placeholder:"HOST:PORT" help:"The cluster port of a server of the cluster. Repeat it for each."`
	JWT         string   `name:"jwt" placeholder:"ACCOUNT" help:"Write commands of nsc instead, which make the nodes' users in this account: for a hub with JWT accounts, such as a hosted NATS."`
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
  nats-server -c hub-a.conf

A hub with JWT accounts takes no such configuration, but users in an account of yours. Their
nodes have hub.credentials and no hub.seed:

  meshctl hub --jwt mesh clue.yaml hunt.yaml score.yaml > users.sh
  sh users.sh`
}

// Run writes the configuration, or the commands that make users.
func (c hubCommand) Run(out output) error {
	if err := c.check(); err != nil {
		return err
	}
	nodes, err := c.nodes()
	if err != nil {
		return err
	}
	h, err := hub.Nodes(nodes)
	if err != nil {
		return err
	}
	text := ""
	if c.JWT != "" {
		text = h.Users(c.JWT)
	} else {
		text = h.Render(hub.Server{Name: c.Name, Listen: c.Listen, Certificate: c.Certificate, Key: c.Key, CA: c.CA,
			Cluster: c.Cluster, Routes: c.Route})
	}
	_, err = fmt.Fprint(out.results, text)
	return err
}

func (c hubCommand) check() error {
	ofServer := c.Name + c.Listen + c.Certificate + c.Key + c.CA + c.Cluster
	switch {
	case c.JWT != "" && (ofServer != "" || len(c.Route) > 0):
		return errors.New("--jwt makes users, and no server: give no flag of a server with it")
	case c.JWT != "":
		return nil
	case c.Name == "" || c.Listen == "":
		return errors.New("give --name and --listen of the server; or --jwt, if the hub has JWT accounts")
	case (c.Certificate == "") != (c.Key == ""):
		return errors.New("give both --certificate and --key, or none of the two")
	case c.Cluster != "" && (c.Certificate == "" || c.CA == ""):
		return errors.New("--cluster needs --certificate, --key and --ca: servers prove themselves to each other by them")
	case len(c.Route) > 0 && c.Cluster == "":
		return errors.New("--route needs --cluster")
	}
	return nil
}

// nodes reads the files. Those that have no hub are left out.
func (c hubCommand) nodes() (nodes []hub.Node, err error) {
	for _, file := range c.Files {
		said, err := nodeOf(file)
		if err != nil {
			return nil, err
		}
		if said.Hub == nil {
			continue
		}
		node := hub.Node{Config: said.WithDefaults()}
		switch byCredentials := said.Hub.Credentials != ""; {
		case c.JWT == "" && byCredentials:
			return nil, fmt.Errorf("%s: hub.credentials: they are for a hub with JWT accounts; give --jwt, or the node a hub.seed", file)
		case c.JWT != "" && !byCredentials:
			return nil, fmt.Errorf("%s: hub.seed: a hub with JWT accounts takes none; write credentials: %s.creds in its place", file, said.Name)
		case !byCredentials:
			if node.Key, err = publicKeyOf(said.Hub.Seed); err != nil {
				return nil, fmt.Errorf("%s: hub.seed: %w", file, err)
			}
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
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
