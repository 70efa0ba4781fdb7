package daemon

import (
	"errors"
	"io/fs"
	"net"
	"syscall"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/services/store"
)

// The exit statuses of a daemon that did not end well. A service manager starts it again after
// statusFailed and statusTryAgain, and not after the others.
const (
	statusFailed      = 1
	statusUsage       = 2
	statusTryAgain    = 75 // EX_TEMPFAIL of sysexits.h
	statusNeverStarts = 78 // EX_CONFIG
)

// statusOf tells what somebody has to change from what passes by itself. What it does not know is
// statusFailed: a daemon that stays down for nothing is worse than one that is started in vain.
func statusOf(err error) int {
	switch {
	case neverStarts(err):
		return statusNeverStarts
	case passes(err):
		return statusTryAgain
	}
	return statusFailed
}

// neverStarts reports whether somebody has to change a file, or whose a directory is.
func neverStarts(err error) bool {
	if isOneOf(err, mesh.ErrForeignData, mesh.ErrDamagedData, fs.ErrNotExist, fs.ErrPermission) {
		return true
	}
	return is[*config.FieldError](err) || is[*store.OwnerError](err) || is[*store.CorruptError](err) || is[*store.NewerError](err)
}

// passes reports whether it may end by itself: another process ends, a disk is emptied, a network
// comes up, a peer gets its new file.
func passes(err error) bool {
	if isOneOf(err, mesh.ErrListen, mesh.ErrDataInUse, mesh.ErrNotExported, store.ErrInUse, syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM) {
		return true
	}
	var listening *net.OpError
	return errors.As(err, &listening) && listening.Op == "listen"
}

func is[E error](err error) bool {
	_, found := errors.AsType[E](err)
	return found
}

func isOneOf(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
