//go:build unix

package daemon

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A service manager that hangs does not hold up the daemon: what it is not told is an error in
// time.
func TestAManagerThatHangsHoldsUpNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	deaf, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	go func() {
		m := manager{socket: path}
		for {
			if err := m.send("WATCHDOG=1"); err != nil { // its buffer is full
				told <- err
				return
			}
		}
	}()
	select {
	case err = <-told:
	case <-time.After(10 * time.Second):
		t.Error("the daemon is held up")
	}
	if closed := deaf.Close(); closed != nil { // ends a write that has no end
		t.Error(closed)
	}
	if err == nil {
		err = <-told
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error: %v", err)
	}
}
