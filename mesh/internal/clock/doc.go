// Package clock tells a node the time, lets it wait, and says why a wait ended.
package clock
