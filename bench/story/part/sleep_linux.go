package part

import (
	"syscall"
	"time"
)

// sleep sleeps in the kernel. The timers of an idle Go process go off up to a millisecond late, all
// that came due meanwhile at once.
func sleep(d time.Duration) {
	span := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&span, nil) // A signal ends it early: then the next root comes a little early.
}
