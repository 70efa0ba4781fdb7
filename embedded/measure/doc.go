// Package measure is what the trials of embedded measure with: a steady pace of calls, and how long
// events took.
package measure
