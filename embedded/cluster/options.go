package cluster

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"leafmesh/mesh"
	"leafmesh/services/huntfile"
)

// Options say what to run.
type Options struct {
	// Hunt is what is played. Nil: the sample hunt.
	Hunt *huntfile.Hunt
	// Data is the folder of the databases; made if missing.
	Data string
	// HTTP is where the APIs are served, see [Addresses]. Empty: where the daemons' configurations
	// say.
	HTTP string
	// NoHTTP serves no API.
	NoHTTP bool
	// ClueHandlers run on clue's node, beside its own. They see its private events.
	ClueHandlers []mesh.Handler
	// Logger gets what the nodes have to say. Nil discards.
	Logger *slog.Logger
}

// Addresses makes the three addresses of the APIs, of clue, hunt and score, of one: the first is
// addr, the others have the next two ports. Port 0 stands for any free port, for each of them.
func Addresses(addr string) ([3]string, error) {
	var all [3]string
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return all, fmt.Errorf("address of the HTTP APIs: %w; give host:port, as in 127.0.0.1:8081", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port > 65535-2 {
		return all, fmt.Errorf("address of the HTTP APIs %q: port %q is no number from 0 to 65533", addr, text)
	}
	for i := range all {
		all[i] = net.JoinHostPort(host, strconv.FormatUint(port, 10))
		if port != 0 {
			port++
		}
	}
	return all, nil
}
