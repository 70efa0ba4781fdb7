package mesh

import (
	"slices"
	"sync"

	"leafmesh/mesh/internal/leaf"
)

// peerLines are the node's ways to its peers. One stays until the node ends, also when the peer has gone.
type peerLines struct {
	mu         sync.Mutex
	toReaders  []*leaf.Line // guarded by mu
	toExporter []*leaf.Line // guarded by mu
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
