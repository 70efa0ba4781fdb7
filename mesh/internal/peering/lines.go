package peering

import (
	"slices"
	"sync"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/leaf"
)

// lines are the ways to a node's peers. When a peer has gone, and what it said is settled, its ways
// are closed. The zero value has none.
type lines struct {
	mu         sync.Mutex
	toReaders  []*leaf.Line                     // guarded by mu
	toExporter []*leaf.Line                     // guarded by mu
	hub        map[[2]string]*nats.Subscription // guarded by mu: who is heard by the hub, as what
}

// reader is the line to a reader; nil if there was none yet.
func (l *lines) reader(name string) *leaf.Line { return lineTo(l.readers(), name) }

// exporter is the line to an exporter; nil if there was none yet.
func (l *lines) exporter(name string) *leaf.Line { return lineTo(l.exporters(), name) }

func lineTo(list []*leaf.Line, name string) *leaf.Line {
	at := slices.IndexFunc(list, func(line *leaf.Line) bool { return line.Peer() == name })
	if at < 0 {
		return nil
	}
	return list[at]
}

// What a peer is that is heard by the hub.
const (
	asReader   = "reader"
	asExporter = "exporter"
)

// byHub reports whether a peer is heard by the hub.
func (l *lines) byHub(as, name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hub[[2]string{as, name}] != nil
}

// addByHub notes by what a peer is heard on the hub's line.
func (l *lines) addByHub(as, name string, heard *nats.Subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hub == nil {
		l.hub = map[[2]string]*nats.Subscription{}
	}
	l.hub[[2]string{as, name}] = heard
}

// removeByHub lets a peer not be heard by the hub any more, if it was.
func (l *lines) removeByHub(as, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if heard := l.hub[[2]string{as, name}]; heard != nil {
		_ = heard.Unsubscribe() // an error says that the line is closed
	}
	delete(l.hub, [2]string{as, name})
}

func (l *lines) readers() []*leaf.Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.toReaders)
}

func (l *lines) exporters() []*leaf.Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.toExporter)
}

func (l *lines) addReader(line *leaf.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.toReaders = append(l.toReaders, line)
}

// removeReader closes the line to a reader, if there is one.
func (l *lines) removeReader(name string) { l.remove(&l.toReaders, name) }

// removeExporter closes the line to an exporter.
func (l *lines) removeExporter(name string) { l.remove(&l.toExporter, name) }

func (l *lines) remove(from *[]*leaf.Line, name string) {
	l.mu.Lock()
	line := lineTo(*from, name)
	*from = slices.DeleteFunc(*from, func(other *leaf.Line) bool { return other == line })
	l.mu.Unlock()
	line.Close()
}

func (l *lines) addExporter(line *leaf.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.toExporter = append(l.toExporter, line)
}
