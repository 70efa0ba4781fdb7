package mesh

import (
	"slices"
	"sync"

	"leafmesh/mesh/internal/leaf"
)

// peerLines are the node's ways to its peers. One stays until the node ends, also when the peer has gone.
type peerLines struct {
	mu         sync.Mutex
	toReaders  []*leaf.Line       // guarded by mu
	toExporter []*leaf.Line       // guarded by mu
	hub        map[[2]string]bool // guarded by mu: who is heard by the hub, as what
}

// reader is the line to a reader; nil if there was none yet.
func (l *peerLines) reader(name string) *leaf.Line { return lineTo(l.readers(), name) }

// exporter is the line to an exporter; nil if there was none yet.
func (l *peerLines) exporter(name string) *leaf.Line { return lineTo(l.exporters(), name) }

func lineTo(lines []*leaf.Line, name string) *leaf.Line {
	at := slices.IndexFunc(lines, func(line *leaf.Line) bool { return line.Peer() == name })
	if at < 0 {
		return nil
	}
	return lines[at]
}

// What a peer is that is heard by the hub.
const (
	asReader   = "reader"
	asExporter = "exporter"
)

// byHub reports whether a peer is heard by the hub.
func (l *peerLines) byHub(as, name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hub[[2]string{as, name}]
}

// addByHub notes that a peer is heard by the hub, and reports whether that is new.
func (l *peerLines) addByHub(as, name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.hub[[2]string{as, name}]
	if l.hub == nil {
		l.hub = map[[2]string]bool{}
	}
	l.hub[[2]string{as, name}] = true
	return !known
}

func (l *peerLines) readers() []*leaf.Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.toReaders)
}

func (l *peerLines) exporters() []*leaf.Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.toExporter)
}

func (l *peerLines) all() []*leaf.Line { return slices.Concat(l.readers(), l.exporters()) }

func (l *peerLines) addReader(line *leaf.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.toReaders = append(l.toReaders, line)
}

func (l *peerLines) addExporter(line *leaf.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.toExporter = append(l.toExporter, line)
}
