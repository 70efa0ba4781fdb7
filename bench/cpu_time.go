//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime is the processor time of the process so far, user and system. Other
// processes do not change it much, as they do the wall time.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // never, with these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
