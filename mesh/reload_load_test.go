//go:build !race

// See keys_load_test.go for what the race detector finds in nats-server.

package mesh_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// made is an event of the full mesh below: the instance that emitted it, and which of its own it
// is.
type made struct {
	By string `cbor:"1,keyasint"`
	N  int    `cbor:"2,keyasint"`
}

var (
	alphaMade = mesh.NewEvent[made]("alpha.load.made")
	betaMade  = mesh.NewEvent[made]("beta.load.made")
	gammaMade = mesh.NewEvent[made]("gamma.load.made")
	madeBy    = map[string]*mesh.Event[made]{"alpha": alphaMade, "beta": betaMade, "gamma": gammaMade}
)

// fullMesh are nodes with files, each of which keeps its events for the services of all others and
// is under load.
type fullMesh struct {
	t      *testing.T
	folder string
	files  map[string]*mesh.Config // as operators have them, by node
	nodes  map[string]*mesh.Node

	load    context.Context
	stop    context.CancelFunc
	stops   map[string]func() // ends the load of a node, by its name
	loading sync.WaitGroup

	mu      sync.Mutex
	emitted map[string]int          // guarded by mu: by instance
	handled map[string]map[made]int // guarded by mu: by service
}

func newFullMesh(t *testing.T) *fullMesh {
	m := &fullMesh{t: t, folder: t.TempDir(), files: map[string]*mesh.Config{}, nodes: map[string]*mesh.Node{}, stops: map[string]func(){}, emitted: map[string]int{}, handled: map[string]map[made]int{}}
	m.load, m.stop = context.WithCancel(context.Background())
	t.Cleanup(m.stop)
	names := []string{"alpha-1", "beta-1", "gamma-1"}
	for _, name := range names {
		m.write(name, names)
	}
	for _, name := range names {
		m.open(name)
	}
	for _, name := range names {
		m.ready(name)
	}
	return m
}

// write makes the file of a node with peers.
func (m *fullMesh) write(name string, peers []string) {
	own := config.ServiceOf(name)
	c := &mesh.Config{Name: name, Listen: meshtest.FreeAddress(m.t), Data: mesh.Path(m.t.TempDir()), Seed: mesh.Secret{File: m.keys(name)}}
	for _, service := range []string{"alpha", "beta", "gamma"} {
		if service == own {
			kept := slices.DeleteFunc([]string{"alpha", "beta", "gamma"}, func(s string) bool { return s == own })
			c.Exports = []mesh.Export{{Event: madeBy[own].Subject(), KeptFor: kept}}
			continue
		}
		c.Imports = append(c.Imports, mesh.Import{Event: madeBy[service].Subject(), Durable: true})
		c.Handlers = append(c.Handlers, madeBy[service].Handle("take "+service, func(_ context.Context, v made) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.handled[own] == nil {
				m.handled[own] = map[made]int{}
			}
			m.handled[own][v]++
			return nil
		}))
	}
	m.files[name] = c
	for _, peer := range peers {
		if config.ServiceOf(peer) != own {
			c.Peers = append(c.Peers, m.peer(peer))
		}
	}
}

// peer is the entry for a node in the files of others, whose address follows once it is known.
func (m *fullMesh) peer(name string) mesh.Peer {
	return mesh.Peer{Name: name, KeyFile: filepath.Join(m.folder, name+".pub"), MayImport: mesh.AllExports()}
}

// keys makes a key pair in files, and gives that of the seed.
func (m *fullMesh) keys(name string) string {
	m.t.Helper()
	seed, public := keyPair(m.t)
	for ending, text := range map[string]string{".nk": seed, ".pub": public} {
		if err := os.WriteFile(filepath.Join(m.folder, name+ending), []byte(text), 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
	return filepath.Join(m.folder, name+".nk")
}

// file is a node's, with the addresses of all peers.
func (m *fullMesh) file(name string) mesh.Config {
	c := *m.files[name]
	c.Peers = slices.Clone(c.Peers)
	for i, p := range c.Peers {
		c.Peers[i].URL = "nats-leaf://" + m.files[p.Name].Listen
	}
	return c
}

// open starts a node, which emits until the load ends or stop is called.
func (m *fullMesh) open(name string) {
	m.t.Helper()
	n, err := mesh.Open(within(m.t), m.file(name))
	if err != nil {
		m.t.Fatal(err)
	}
	m.nodes[name] = n
	m.t.Cleanup(func() {
		if err := n.Close(within(m.t)); err != nil {
			m.t.Error(err)
		}
	})
	load, stop := context.WithCancel(m.load)
	ended := make(chan struct{})
	m.stops[name] = func() { stop(); <-ended }
	m.loading.Go(func() {
		defer close(ended)
		root := n.Context(context.Background())
		for i := 0; load.Err() == nil; i++ {
			if err := madeBy[config.ServiceOf(name)].Emit(root, made{name, i}); err != nil {
				m.t.Error(err)
				return
			}
			m.mu.Lock()
			m.emitted[name]++
			m.mu.Unlock()
			time.Sleep(500 * time.Microsecond) // a load, and not as much as goes
		}
	})
}

func (m *fullMesh) ready(name string) {
	m.t.Helper()
	if err := m.nodes[name].Ready(within(m.t)); err != nil {
		m.t.Fatal(err)
	}
}

// reload changes a node's file, and reloads the node.
func (m *fullMesh) reload(name string, change func(c *mesh.Config)) config.Changes {
	m.t.Helper()
	change(m.files[name])
	changes, err := m.nodes[name].Reload(within(m.t), m.file(name))
	if err != nil || len(changes) == 0 {
		m.t.Fatalf("reload %s: changes %v, error %v", name, changes, err)
	}
	return changes
}

// more waits until a service has handled more of an instance's events.
func (m *fullMesh) more(service, by string) {
	m.t.Helper()
	count := func() (n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for v := range m.handled[service] {
			if v.By == by {
				n++
			}
		}
		return n
	}
	before := count()
	await(m.t, service+" to handle events of "+by, func() bool { return count() > before+20 })
}

// allMore waits until events pass between all.
func (m *fullMesh) allMore() {
	m.t.Helper()
	for _, from := range []string{"alpha", "beta", "gamma"} {
		for _, to := range []string{"alpha", "beta", "gamma"} {
			if from != to {
				m.more(to, from+"-1")
			}
		}
	}
}

// exact ends the load, and checks that each service handled each event of the others.
func (m *fullMesh) exact() {
	m.t.Helper()
	m.stop()
	m.loading.Wait()
	for service := range madeBy {
		want := 0
		for by, n := range m.emitted {
			if config.ServiceOf(by) != service {
				want += n
			}
		}
		await(m.t, service+" to handle all", func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return len(m.handled[service]) == want
		})
	}
	for name, n := range m.nodes {
		for _, c := range n.Stats().Counts {
			if c.Outcome.IsLoss() {
				m.t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

// links are since when the links between some nodes are up.
func (m *fullMesh) links(names ...string) map[string]time.Time {
	m.t.Helper()
	all := map[string]time.Time{}
	for _, name := range names {
		for _, link := range m.nodes[name].Stats().Links {
			if slices.Contains(names, link.Peer) {
				await(m.t, "the links to be looked at", func() bool { return !linkSince(m.nodes[name], link.Peer).IsZero() })
				all[name+" "+link.Direction+" "+link.Peer] = linkSince(m.nodes[name], link.Peer)
			}
		}
	}
	return all
}

// Each node in turn changes its key, by reloads alone and under load. No event is lost, and no link
// between the others is made anew.
func TestReloadRotatesKeysUnderLoad(t *testing.T) {
	m := newFullMesh(t)
	names := []string{"alpha-1", "beta-1", "gamma-1"}
	for i, name := range names {
		m.allMore()
		others := []string{names[(i+1)%3], names[(i+2)%3]}
		before := m.links(others...)
		next := name + "-next"
		m.keys(next)
		entry := func(change func(*mesh.Peer)) func(*mesh.Config) {
			return func(c *mesh.Config) {
				at := slices.IndexFunc(c.Peers, func(p mesh.Peer) bool { return p.Name == name })
				change(&c.Peers[at])
			}
		}
		for _, other := range others {
			changes := m.reload(other, entry(func(p *mesh.Peer) { p.NextKeyFile = filepath.Join(m.folder, next+".pub") }))
			if len(changes) != 1 || changes[0].Field != "peers["+name+"].next_key_file" {
				t.Errorf("changes:\n%v", changes)
			}
		}
		m.reload(name, func(c *mesh.Config) { c.Seed = mesh.Secret{File: filepath.Join(m.folder, next+".nk")} })
		m.allMore()
		for _, other := range others {
			m.reload(other, entry(func(p *mesh.Peer) { p.KeyFile, p.NextKeyFile = p.NextKeyFile, "" }))
		}
		m.allMore()
		for link, since := range m.links(others...) {
			if before[link] != since {
				t.Errorf("%s changed its key, and %s was made anew", name, link)
			}
		}
	}
	m.exact()
}

// A node is added to a mesh under load, and removed, by reloads of the others. No event is lost,
// and no link is made anew.
func TestReloadAddsAndRemovesANodeUnderLoad(t *testing.T) {
	m := newFullMesh(t)
	m.allMore()
	names := []string{"alpha-1", "beta-1", "gamma-1"}
	before := m.links(names...)
	m.write("alpha-2", names)
	for _, name := range names[1:] {
		m.reload(name, func(c *mesh.Config) { c.Peers = append(c.Peers, m.peer("alpha-2")) })
	}
	m.open("alpha-2")
	for _, name := range append(names, "alpha-2") {
		m.ready(name)
	}
	m.more("beta", "alpha-2")
	m.more("gamma", "alpha-2")
	m.allMore()

	m.stops["alpha-2"]() // it is taken out of service: nothing new comes in, and its outbox becomes empty
	await(t, "all of alpha-2 to be handled", func() bool {
		kept := m.nodes["alpha-2"].Stats().Outbox
		return kept != nil && !slices.ContainsFunc(kept.Readers, func(r stats.OutboxReader) bool { return r.Backlog > 0 })
	})
	if err := m.nodes["alpha-2"].Close(within(t)); err != nil {
		t.Fatal(err)
	}
	for _, name := range names[1:] {
		m.reload(name, func(c *mesh.Config) { c.Peers = c.Peers[:2] })
		m.ready(name) // it misses nobody
	}
	m.allMore()
	for link, since := range m.links(names...) {
		if before[link] != since {
			t.Errorf("%s was made anew", link)
		}
	}
	m.exact()
}
