// Package topology works out, from a node's configuration, who dials whom and who may read what:
// what the embedded server is to be. It is pure but for the files and variables that hold secrets.
package topology
