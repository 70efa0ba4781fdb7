// Package journal is a node's log: what an operator must know, under the same names everywhere, and
// never one line for each event.
package journal
