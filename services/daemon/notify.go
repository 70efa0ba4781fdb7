package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// manager is the service manager that started the daemon, as systemd is with Type=notify. It is
// told by the protocol of sd_notify(3), which is so small that no library is needed. The zero value
// is none.
type manager struct {
	socket string
	// within is how often it wants a sign of life; 0: never.
	within time.Duration
}

// notifyTimeout is how long the manager may take to receive a line.
const notifyTimeout = time.Second

// managerOf finds the manager in the environment.
func managerOf(getenv func(string) string) manager {
	m := manager{socket: getenv("NOTIFY_SOCKET")}
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return m // the sign is to come from another process
	}
	if micros, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && micros > 0 {
		m.within = time.Duration(micros) * time.Microsecond
	}
	return m
}

// tell sends assignments, such as READY=1. What cannot be told is logged: the daemon runs on.
func (m manager) tell(assignments ...string) {
	if m.socket == "" {
		return
	}
	if err := m.send(strings.Join(assignments, "\n")); err != nil {
		slog.Warn("the service manager was not told", "data", assignments[0], "error", err)
	}
}

func (m manager) send(text string) error {
	name := m.socket
	if strings.HasPrefix(name, "@") {
		name = "\x00" + name[1:] // an abstract one
	}
	socket, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("reach the service manager: %w", err)
	}
	// One that hangs, with its buffer full, must not keep the daemon from its end.
	if err = socket.SetWriteDeadline(time.Now().Add(notifyTimeout)); err == nil {
		_, err = socket.Write([]byte(text))
	}
	if err = errors.Join(err, socket.Close()); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// follow tells how the node is each time that it changes, and gives signs of life, until ctx ends.
func (m manager) follow(ctx context.Context, node *mesh.Node) {
	if m.socket == "" {
		return
	}
	var life <-chan time.Time
	if m.within > 0 {
		tick := time.NewTicker(m.within / 2)
		defer tick.Stop()
		life = tick.C
	}
	healths := node.Watch(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-life:
			node.Stats() // takes the locks of the node: one that hangs gives no sign
			m.tell("WATCHDOG=1")
		case health, open := <-healths:
			if !open {
				healths = nil // it closes, and lives on until that is done
				continue
			}
			m.tell("STATUS=" + statusLine(health))
		}
	}
}

// statusLine is a node's health as systemctl status shows it.
func statusLine(health stats.Health) string {
	if health.Ready {
		return "ready"
	}
	text := "not ready"
	for _, p := range health.Problems {
		text += "; " + strings.ReplaceAll(p.Text, "\n", " ")
	}
	return text
}
