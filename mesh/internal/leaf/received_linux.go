package leaf

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// receivedBy is how many bytes were read of a connection, as the system knows. ok is false if it
// does not. nats-server counts messages alone.
func receivedBy(conn net.Conn) (bytes int64, ok bool) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, false
	}
	ok = false
	err = raw.Control(func(fd uintptr) {
		waiting, problem := unix.IoctlGetInt(int(fd), unix.SIOCINQ) // first: else what comes meanwhile would be read
		if problem != nil {
			return
		}
		info, problem := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if problem == nil && info.Bytes_received > 0 { // systems of before 2015 do not tell
			bytes, ok = int64(info.Bytes_received)-int64(waiting), true
		}
	})
	return bytes, ok && err == nil
}
