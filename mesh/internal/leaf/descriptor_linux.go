package leaf

import (
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// descriptor is a socket of this process that nats-server gives no way to: it dialed it, or
// accepted it for a plain link. It is nats-server's to close. Rejected: to keep a duplicate of it,
// which would keep the connection open.
type descriptor struct {
	number int
	cookie uint64 // no other socket of this system ever has it, while numbers are used again
}

// traffic is what the socket has carried; ok is false if it is gone.
func (d descriptor) traffic() (t traffic, ok bool) {
	t, ok = trafficAt(d.number)
	return t, ok && d.isOpen()
}

func (d descriptor) isOpen() bool { return d.cookie != 0 && cookieOf(d.number) == d.cookie }

// end ends the connection, so that nats-server closes the socket. It does so by a duplicate, which
// cannot become another socket meanwhile.
func (d descriptor) end() {
	if !d.isOpen() {
		return
	}
	same, err := unix.FcntlInt(uintptr(d.number), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return // it is closed
	}
	if cookieOf(same) == d.cookie {
		_ = unix.Shutdown(same, unix.SHUT_RDWR) // an error means that it has ended
	}
	_ = unix.Close(same) // nothing was written by it
}

// cookieOf is 0 if there is no socket of that number.
func cookieOf(number int) uint64 {
	cookie, err := unix.GetsockoptUint64(number, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		return 0
	}
	return cookie
}

// descriptors finds the sockets to some addresses. Of several to one address it cannot tell which
// is a link's, so it finds none there: as when several nodes in a process dial the same one.
func descriptors(addresses map[string]bool) map[string]descriptor {
	found, many := map[string]descriptor{}, map[string]bool{}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	for _, entry := range open {
		number, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		address := peerOf(number)
		if !addresses[address] {
			continue
		}
		_, another := found[address]
		many[address] = many[address] || another
		found[address] = descriptor{number, cookieOf(number)}
	}
	for address := range many {
		if many[address] {
			delete(found, address)
		}
	}
	return found
}

// peerOf is host:port of the other end of a socket; "" for anything else.
func peerOf(number int) string {
	switch peer, _ := unix.Getpeername(number); peer := peer.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(peer.Addr), uint16(peer.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(peer.Addr).Unmap(), uint16(peer.Port)).String()
	default:
		return ""
	}
}
