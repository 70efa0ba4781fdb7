package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// meshLoggedLink sends each judged answer of a log over a link, as a handler of the submitted one
// emits it, and counts the bytes of the messages, once the reader knows the path of the events. So
// many are under way at once: of several some share a message, one has its own.
func meshLoggedLink(log string, underWay int) side {
	return side{name: fmt.Sprintf("leafmesh, over a link, %d under way", underWay), open: func(ctx context.Context, _ func()) (carrier, error) {
		all, err := answers(log)
		if err != nil {
			return nil, err
		}
		c := &linkedCarrier{answers: all, underWay: underWay, handled: make(chan struct{}, underWay)}
		if err := c.open(ctx); err != nil {
			return nil, errors.Join(err, c.close(ctx))
		}
		return c, nil
	}}
}

type linkedCarrier struct {
	nodes   inproc.Nodes
	meter   *linkMeter
	answers []answerJudged
	handled chan struct{}

	underWay  int
	bytes     int       // of all messages
	events    int       // in them
	envelopes []float64 // of events that were under way together, on average
}

func (c *linkedCarrier) open(ctx context.Context) error {
	seed, key, err := newKey()
	if err != nil {
		return err
	}
	from, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", Listen: "127.0.0.1:0", Links: mesh.Links{Plain: true},
		Peers:   []mesh.Peer{{Name: "score-1", Key: key, MayImport: mesh.AllExports()}},
		Exports: []mesh.Export{judged.Export(mesh.Limit{})},
		Handlers: []mesh.Handler{submitted.Handle("judge", func(ctx context.Context, a answerJudged) error {
			return judged.Emit(ctx, a)
		})}})
	if err != nil {
		return err
	}
	c.nodes = inproc.Nodes{from}
	if c.meter, err = newLinkMeter(from.ListenAddr()); err != nil {
		return err
	}
	to, err := mesh.Open(ctx, mesh.Config{Name: "score-1", Links: mesh.Links{Plain: true, PlainSeed: seed},
		Peers:   []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + c.meter.listener.Addr().String()}},
		Imports: []mesh.Import{judged.Import(mesh.Limit{}, mesh.Shared)},
		Handlers: []mesh.Handler{judged.Handle("count", func(context.Context, answerJudged) error {
			c.handled <- struct{}{}
			return nil
		})}})
	if err != nil {
		return err
	}
	c.nodes = append(c.nodes, to)
	if err := c.nodes.Ready(ctx); err != nil {
		return err
	}
	return c.learn(ctx)
}

// learn sends an event until its message no longer has the path's names.
func (c *linkedCarrier) learn(ctx context.Context) error {
	const (
		patience = 10 * time.Second
		names    = len("clue-1:clue.answer.submitted")
	)
	first := 0
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if err := c.carry(ctx, 1); err != nil {
			return err
		}
		if first = max(first, c.bytes); c.bytes < first-names {
			return nil
		}
	}
	return fmt.Errorf("a message has %d bytes after %v as before: the reader does not learn the paths of events", first, patience)
}

func (c *linkedCarrier) carry(ctx context.Context, events int) error {
	c.bytes, c.events, c.envelopes = 0, events, c.envelopes[:0]
	root := c.nodes[0].Context(ctx)
	for from := 0; from < events; from += c.underWay {
		together, payloads := min(c.underWay, events-from), 0
		for i := from; i < from+together; i++ {
			a := c.answers[i%len(c.answers)]
			if err := submitted.Emit(root, a); err != nil {
				return err
			}
			payload, err := encoder.Marshal(a)
			if err != nil {
				return err
			}
			payloads += len(payload)
		}
		for range together {
			select {
			case <-c.handled:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		size := int(c.meter.bytes.Swap(0))
		c.bytes += size
		c.envelopes = append(c.envelopes, float64(size-payloads)/float64(together))
	}
	return nil
}

func (c *linkedCarrier) observe(f *figures) {
	slices.Sort(c.envelopes)
	f.Bytes, f.Envelope = float64(c.bytes)/float64(c.events), c.envelopes[len(c.envelopes)/2]
}

func (c *linkedCarrier) emit(context.Context, *answerJudged) error { return nil } // carry emits

func (c *linkedCarrier) close(ctx context.Context) error {
	err := c.nodes.Close(ctx)
	if c.meter != nil {
		err = errors.Join(err, c.meter.close())
	}
	return err
}

// linkMeter stands between two nodes, and reads of what one sends the other how large the messages
// of judged answers are.
type linkMeter struct {
	listener net.Listener
	to       string
	working  sync.WaitGroup
	bytes    atomic.Int64 // of messages, without what NATS puts before them
}

func newLinkMeter(to string) (*linkMeter, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &linkMeter{listener: listener, to: to}
	m.working.Go(m.accept)
	return m, nil
}

func (m *linkMeter) accept() {
	for {
		reader, err := m.listener.Accept()
		if err != nil {
			return
		}
		exporter, err := net.Dial("tcp", m.to)
		if err != nil {
			_ = reader.Close()
			continue
		}
		m.working.Go(func() {
			_, _ = io.Copy(exporter, reader)
			_ = exporter.Close()
		})
		m.working.Go(func() {
			_ = m.forward(reader, exporter) // until one of them closes it
			_ = reader.Close()
		})
	}
}

// forward forwards the protocol of leaf nodes: lines, and after LMSG so many bytes as it says last.
// A message is counted before anybody has it.
func (m *linkMeter) forward(to io.Writer, from io.Reader) error {
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return err
		}
		size := 0
		if fields := bytes.Fields(line); len(fields) >= 3 && string(fields[0]) == "LMSG" {
			if size, err = strconv.Atoi(string(fields[len(fields)-1])); err != nil {
				return err
			}
			if bytes.HasSuffix(fields[1], []byte("."+eventSubject)) {
				m.bytes.Add(int64(size))
			}
			size += len("\r\n")
		}
		if _, err := to.Write(line); err != nil {
			return err
		}
		if _, err := io.CopyN(to, r, int64(size)); err != nil {
			return err
		}
	}
}

func (m *linkMeter) close() error {
	err := m.listener.Close()
	m.working.Wait()
	return err
}
