package main

import (
	"fmt"
	"io"
)

// guarantees says what each side keeps, by line: without it a time says nothing.
var guarantees = map[string][2]string{
	"a": {
		"each event at least once to each handler while the server lives; order by team; no limits, no TLS",
		"between services at most once, in a service exactly once; order by team; limits, the guard of cascades, mutual TLS",
	},
	"b": {
		"each event at least once to each handler, after a death of any process too; the server forces its files to the disk every 2 min",
		"what leaves a service at least once to each handler, after a death of any process too; forced to the disk each second; what stays in a service ends with its process",
	},
	"c": {
		"the same; state is committed before what follows is published: who dies in between does both again",
		"the same; state and what leaves the service are one transaction; what stays in it is emitted once the transaction is committed",
	},
}

// writeGuarantees says them under a line.
func writeGuarantees(out io.Writer, line string) {
	fmt.Fprintf(out, "guaranteed by the bus: %s\nguaranteed by leafmesh: %s\n", guarantees[line][0], guarantees[line][1])
}
