package leaf

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// middle is who passes on what two nodes say to each other.
type middle struct {
	mu   sync.Mutex
	read bytes.Buffer // guarded by mu: all that passed

	changes atomic.Bool // one bit of what passes next
}

// open listens in place of a node.
func (m *middle) open(t *testing.T, to string) (address string) {
	return listen(t, func(c net.Conn) {
		on, err := net.Dial("tcp", to)
		if err != nil {
			_ = c.Close()
			return
		}
		go m.pass(on, c)
		go m.pass(c, on)
	})
}

func (m *middle) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.read.Write(buffer[:n])
		m.mu.Unlock()
		if n > 20 && m.changes.CompareAndSwap(true, false) {
			buffer[n-1] ^= 1
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// passed reports whether a text passed that could be read.
func (m *middle) passed(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Contains(m.read.Bytes(), []byte(text))
}

// Who passes on all that two nodes say reads nothing of it, and what it changes ends the link. On a
// plain link it reads all: so the test would see it.
func TestAttackInTheMiddle(t *testing.T) {
	for name, plain := range map[string]bool{"TLS": false, "plain": true} {
		t.Run(name, func(t *testing.T) {
			score := start(t, "score-1", func(s *Spec) { s.Plain = plain })
			clue := start(t, "clue-1", func(s *Spec) { s.Plain, s.Importers = plain, []Importer{score.importer()} })
			m := &middle{}
			remote := clue.remote()
			remote.URL = "nats-leaf://" + m.open(t, clue.ListenAddr())
			if err := score.Link([]Remote{remote}, nil); err != nil {
				t.Fatal(err)
			}
			in, out, events := score.toExporter(t, "clue-1"), clue.toReader(t, score), EventsTo("score-1", "clue-1", solved)
			box := in.hear(t, events)
			out.hears(t, events)
			first := in.linked(t)
			out.send(t, events, "a secret")
			box.await(t, events+" a secret")
			for _, text := range []string{"a secret", solved, "CONNECT"} {
				if m.passed(text) != plain {
					t.Errorf("%q could be read: %v", text, m.passed(text))
				}
			}
			if plain {
				return
			}
			m.changes.Store(true)
			out.send(t, events, "another secret")
			eventually(t, "another link", func() bool { now, up := in.Link(); return up && now != first })
			for _, message := range box.all() {
				if !strings.HasSuffix(message, "secret") {
					t.Errorf("heard %q", message)
				}
			}
		})
	}
}
