// Package journal is a node's log: what an operator must know, and never one line for each event.
package journal
