package leaf

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// trafficOf is what a connection has carried, as the system knows; nats-server counts messages
// alone. ok is false if the system does not know.
func trafficOf(conn net.Conn) (t traffic, ok bool) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return traffic{}, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return traffic{}, false
	}
	err = raw.Control(func(fd uintptr) { t, ok = trafficAt(int(fd)) })
	return t, ok && err == nil
}

// trafficAt is trafficOf for a descriptor.
func trafficAt(fd int) (t traffic, ok bool) {
	waiting, err := unix.IoctlGetInt(fd, unix.SIOCINQ) // first: else what comes meanwhile would be read
	if err != nil {
		return traffic{}, false
	}
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.Bytes_received == 0 { // systems of before 2015 do not tell
		return traffic{}, false
	}
	return traffic{read: int64(info.Bytes_received) - int64(waiting), acknowledged: int64(info.Bytes_acked)}, true
}
