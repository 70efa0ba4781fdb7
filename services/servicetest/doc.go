// Package servicetest runs a service for its tests: on a node of its own, served and stopped in the
// order of a daemon.
package servicetest
