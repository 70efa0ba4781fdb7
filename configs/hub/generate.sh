#!/bin/sh
# Writes the configuration of the three servers of the hub anew, from the node files beside it. Copy hub-a.conf to the machine
# hub-a, and so on. To admit a node, have each server read it again: nats-server --signal reload. To remove one, take it out of
# its peers' files first, and then restart the servers one after the other: a reload leaves its link.
set -e
for server in hub-a hub-b hub-c; do
	meshctl hub --name $server --listen 0.0.0.0:7422 \
		--certificate /etc/nats/hub.pem --key /etc/nats/hub.key --ca /etc/nats/ca.pem \
		--cluster 0.0.0.0:6222 \
		--route hub-a.example.com:6222 --route hub-b.example.com:6222 --route hub-c.example.com:6222 \
		clue.yaml hunt.yaml score.yaml >$server.conf
done
