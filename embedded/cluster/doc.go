// Package cluster runs the three services in one process, each a node of its own: clue-1, hunt-1
// and score-1.
//
// The nodes are those of the daemons: real servers, real links on the loopback interface, and what
// leaves and enters each one is read from the configuration files that the daemons read (package
// configs). Only what depends on the machine is replaced: ports of the links and keys
// (inproc.Open), addresses of the HTTP APIs, and folders of the databases.
//
// # Guarantees
//
//   - [Open] returns when all nodes are linked. After an error nothing is left running.
//   - [Cluster.Close] ends the APIs, lets every event arrive and every handler finish, and closes
//     the databases, in this order. What could not be done in time is in its error.
//   - [Cluster.Settle] knows by counters, not by waiting a while, that no event is on its way.
package cluster
