// Package storage is what a node keeps in its data directory beside its outbox: durable dead
// letters, and what it knows of its peers' outboxes. It sees to it that one process at a time has
// the directory, and that it belongs to the node's service.
package storage
