// Package client calls the HTTP APIs of the three services, as a team's own program would.
//
// A Client may be used by many goroutines. It keeps connections open between calls. Answers that
// are not what was asked for come back as *Problem (RFC 9457); what was refused for coming too fast
// is tried again after the time that the server gave, until ctx ends.
package client
