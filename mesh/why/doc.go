// Package why explains what became of an event: records of what happened in, the cascade as a tree
// and as text out.
//
// A node's flight recorder makes a [Record] of each step of each event that says something: where
// it was admitted, handled, tried in vain, refused or lost, when, and for how long. Records have
// headers only, never values.
package why
