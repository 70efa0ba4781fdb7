// Package daemon is what the services' daemons have in common: configuration, flags, logging,
// signals, and the order in which the parts of a service start and stop.
package daemon
