// Package part is the processes of the story: this same program, started again to be one service or
// the bus. The story tells them by gob what to do and hears what became of it; what they write to
// standard error is their log, whose lines are counted.
package part
