package leaf

// TapAddr is the host:port of the tap's listener, or "" without one.
func (s *Server) TapAddr() string {
	if s.currentSpec().Tap == nil {
		return ""
	}
	address := s.nats.Addr()
	if address == nil {
		return ""
	}
	return address.String()
}

// TapClients is how many connections other than our own are in account Local. It
// costs a lock and a subtraction. While one of ours opens or closes it may be off
// by one for some microseconds; Interested is exact.
func (s *Server) TapClients() int {
	return max(0, s.local.Load().NumLocalConnections()-int(s.ownLocal.Load()))
}
