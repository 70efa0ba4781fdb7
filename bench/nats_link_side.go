package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// natsLink is raw nats.go over the same kind of link that leafmesh makes: two
// servers in this process, the importer's account in bound to the exporter's
// account out by a leaf link with an nkey and allow lists. Each event is encoded
// and decoded.
func natsLink() side {
	return side{name: "raw NATS over a leaf link, typed", window: wideWindow, open: func(ctx context.Context, handle func()) (carrier, error) {
		c := &natsCarrier{}
		if err := c.link(ctx, ""); err != nil {
			return nil, errors.Join(err, c.close(ctx))
		}
		if err := c.subscribe(ctx, true, handle); err != nil {
			return nil, err
		}
		if err := awaitInterest(ctx, c.servers[0]); err != nil {
			return nil, errors.Join(err, c.close(ctx))
		}
		return c, nil
	}}
}

// link starts exporter and importer with the options that package mesh renders
// for its nodes. With a directory the exporter keeps a stream there.
func (c *natsCarrier) link(ctx context.Context, dir string) error {
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
	exporter, err := startServer(ctx, exporterConfig(public, dir))
	if err != nil {
		return err
	}
	c.servers = append(c.servers, exporter)
	varz, err := exporter.Varz(nil)
	if err != nil {
		return fmt.Errorf("find the leaf port: %w", err)
	}
	importer, err := startServer(ctx, importerConfig(varz.LeafNode.Port, string(seed)))
	if err != nil {
		return err
	}
	c.servers = append(c.servers, importer)
	return c.connect(exporter, importer, nats.UserInfo("out", "out"), nats.UserInfo("in", "in"))
}

const commonConfig = `
max_payload: 65536
max_subscriptions: 4096
ping_interval: "3.5s"
ping_max: 2
no_system_account: true
`

func exporterConfig(importerKey, dir string) string {
	server, account, publish, subscribe := "", "", `"nobody.listens"`, fmt.Sprintf("%q", rawPattern)
	if dir != "" {
		server = fmt.Sprintf(`
jetstream {store_dir: %q, domain: "clue-1", max_memory_store: 1, max_file_store: %d, sync_interval: "1s"}
feature_flags {js_ack_fc_v2: true}`, dir, int64(1)<<60)
		account = fmt.Sprintf("jetstream {max_memory: 0, max_file: %d, max_streams: 1}", int64(1)<<31)
		publish, subscribe = `"$JS.clue-1.API.>", "$JS.ACK.>"`, `"_INBOX.>"`
	}
	return fmt.Sprintf(`
server_name: "clue-1"
%s
%s
accounts {
  local { users [ {user: local, password: local, allowed_connection_types: ["IN_PROCESS"]} ] }
  out {
    %s
    users [
    {user: out, password: out, allowed_connection_types: ["IN_PROCESS"]}
    {nkey: %s, allowed_connection_types: ["LEAFNODE"],
     permissions: {publish: {allow: [%s]}, subscribe: {allow: ["mesh.link.score-1", %s]}}}
  ] }
  in { users [ {user: in, password: in, allowed_connection_types: ["IN_PROCESS"]} ] }
}
leafnodes {
  listen: "127.0.0.1:-1"
  no_advertise: true, compression: "off", isolate_leafnode_interest: true, reconnect: "1s"
}`, commonConfig, server, account, importerKey, publish, subscribe)
}

func importerConfig(port int, seed string) string {
	return fmt.Sprintf(`
server_name: "score-1"
%s
accounts {
  local { users [ {user: local, password: local, allowed_connection_types: ["IN_PROCESS"]} ] }
  out { users [ {user: out, password: out, allowed_connection_types: ["IN_PROCESS"]} ] }
  in { users [ {user: in, password: in, allowed_connection_types: ["IN_PROCESS"]} ] }
}
leafnodes {
  no_advertise: true, compression: "off", isolate_leafnode_interest: true, reconnect: "1s"
  remotes [ {url: "nats-leaf://127.0.0.1:%d", account: in, nkey: %q, compression: "off", ignore_discovered_servers: true} ]
}`, commonConfig, port, seed)
}

// awaitInterest waits until the exporter knows that the importer listens.
func awaitInterest(ctx context.Context, exporter *server.Server) error {
	out, err := exporter.LookupAccount("out")
	if err != nil {
		return fmt.Errorf("look up account out: %w", err)
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !out.SubscriptionInterest(rawSubject) {
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("the exporter sees no interest: %w", context.Cause(ctx))
		}
	}
	return nil
}
