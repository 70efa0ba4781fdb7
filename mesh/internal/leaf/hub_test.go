package leaf_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/outbox"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/readers"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

const (
	solved = "clue.clue.solved" // exported at most once
	opened = "clue.clue.opened" // exported out of the outbox, to score
)

// startHub starts a stock server with one account, in which each node has a user with the least
// permissions: what an exporter and a reader need, with wildcards where the other's name stands.
func startHub(t *testing.T, exporter string, nodes map[string]string) (url, address string) {
	t.Helper()
	var users []string
	for name, key := range nodes {
		publish, subscribe := fmt.Sprintf("%q", leaf.FromReader(name, "*")), fmt.Sprintf("%q, %q", leaf.ToReader(name, "*"), leaf.ToReader(name, "*")+".>")
		if name == exporter {
			publish, subscribe = fmt.Sprintf("%q, %q", leaf.ToReader("*", name), leaf.ToReader("*", name)+".>"), fmt.Sprintf("%q", leaf.FromReader("*", name))
		}
		users = append(users, fmt.Sprintf("{nkey: %s, permissions: {publish: {allow: [%s]}, subscribe: {allow: [%s]}}}", key, publish, subscribe))
	}
	options := &server.Options{}
	if err := options.ProcessConfigString(fmt.Sprintf("server_name: hub-1\naccounts { mesh { users [ %s ] } }\nleafnodes { listen: \"127.0.0.1:-1\" }\n",
		strings.Join(users, ", "))); err != nil {
		t.Fatal(err)
	}
	options.NoSigs, options.NoLog, options.DontListen = true, true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(leaf.Patience) {
		t.Fatal("the hub is not ready")
	}
	varz, err := s.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	address = fmt.Sprintf("127.0.0.1:%d", varz.LeafNode.Port)
	return "nats-leaf://" + address, address
}

// dial starts a node that dials the hub, and opens its line there.
func dial(t *testing.T, spec leaf.Spec, url string) (*leaf.Server, *leaf.Line) {
	t.Helper()
	spec.Listen, spec.Plain, spec.Remotes = "", true, []leaf.Remote{{Name: "hub-1", URL: url}}
	s, err := leaf.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), leaf.Patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	line, err := s.ToExporter("hub-1")
	if err != nil {
		t.Fatal(err)
	}
	leaf.Eventually(t, spec.Name+" is linked to the hub", func() bool { _, up := line.Link(); return up })
	return s, line
}

// toReader is the way to one reader on the exporter's line to the hub.
type toReader struct {
	*leaf.Line
	reader string
}

func (l toReader) Peer() string { return l.reader }

// toExporter is the way to clue-1 on a reader's line to the hub.
type toExporter struct {
	*leaf.Line
	me string
}

func (l toExporter) Subscribe(subject string, f nats.MsgHandler) (*nats.Subscription, error) {
	return l.Line.Subscribe(leaf.EventsTo(l.me, "clue-1", subject), f)
}
func (l toExporter) Say(message []byte) error {
	return l.Publish(leaf.FromReader(l.me, "clue-1"), message)
}
func (l toExporter) Link() (number uint64, up bool) {
	if !l.Hears(leaf.FromReader(l.me, "clue-1")) {
		return 0, false
	}
	return l.Line.Link()
}
func (toExporter) Redial() error   { return nil }
func (toExporter) Trouble() string { return "" }
func (toExporter) Close()          {}
func (toExporter) ByHub() bool     { return true }

// exporter is clue-1: its readers and its outbox, behind one line to the hub.
type exporter struct {
	t       *testing.T
	readers *readers.Readers
	store   *outlet.Store
	trace   *steps.Trace
	paths   *cause.Tree
	ids     byte
}

func newExporter(t *testing.T, s *leaf.Server, line *leaf.Line, dir string, names ...string) *exporter {
	t.Helper()
	x := &exporter{t: t, trace: steps.New(nil), paths: cause.NewTree(8)}
	store, err := s.Connect(leaf.Store)
	if err != nil {
		t.Fatal(err)
	}
	x.store, err = outlet.OpenStore(t.Context(), store, outbox.Config{Node: "clue-1", Dir: dir, Types: []outbox.Type{{Subject: opened, Services: []string{"score"}}},
		Send: func(reader string, message []byte) error { return x.readers.Send(reader, message) }, Service: config.ServiceOf,
		MaxPayload: leaf.DefaultMaxPayload, Reset: s.ResetOutbox}, leaf.DefaultMaxPayload, x.trace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	var ways []readers.Line
	for _, name := range names {
		ways = append(ways, toReader{line, name})
	}
	x.readers = readers.New(readers.Env{Node: "clue-1", MayImport: func(string, string) bool { return true }, Lost: func(string, uint64) {}, Exports: []config.Export{{Event: solved}, {Event: opened, KeptFor: []string{"score"}}},
		MaxPayload: leaf.DefaultMaxPayload, Log: journal.New(slog.New(slog.DiscardHandler), "clue-1"), Outbox: x.store,
		Malformed: x.trace.Point(steps.Step{Outcome: stats.Lost, Place: steps.At(steps.Export), Rule: stats.Malformed})}, ways)
	// Who speaks follows from the subject: the hub lets each key publish on its own alone.
	if _, err := line.Subscribe(leaf.FromReader("*", "clue-1"), func(m *nats.Msg) { x.readers.Hear(strings.Split(m.Subject, ".")[2], m.Data) }); err != nil {
		t.Fatal(err)
	}
	if err := line.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	return x
}

// emit exports an event of a type, with a text.
func (x *exporter) emit(subject, key, text string) {
	x.t.Helper()
	payload, err := wire.AppendPayload(nil, text)
	if err != nil {
		x.t.Fatal(err)
	}
	x.ids++
	h := cause.Header{ID: cause.ID{x.ids}, Root: cause.ID{x.ids}, Key: key}.On(x.paths.Root("clue-1:"+subject), 1, 0)
	if subject == opened {
		event, err := x.store.Seal(x.trace.Type(subject), &h, payload)
		if err == nil {
			err = x.store.All(context.Background(), []outlet.Stored{event})
		}
		if err != nil {
			x.t.Fatal(err)
		}
		return
	}
	message, err := outlet.Message(&h, payload)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, r := range x.readers.Audience(subject).Choose(key, nil) {
		run, before := r.Place()
		if err := r.Send(append(wire.AppendPlace(nil, run, before), message...), 1); err != nil {
			x.t.Fatal(err)
		}
	}
}

// importer is an instance of score or hunt, behind one line to the hub.
type importer struct {
	set *inlet.Set
	mu  sync.Mutex
	got []string // guarded by mu: types and texts
}

func newImporter(t *testing.T, name string, line *leaf.Line, imports ...config.Import) *importer {
	t.Helper()
	dir, i := t.TempDir(), &importer{}
	kept, err := letters.Open(filepath.Join(dir, "letters"), 10)
	if err != nil {
		t.Fatal(err)
	}
	marks, err := inlet.OpenBookmarks(filepath.Join(dir, "marks"))
	if err != nil {
		t.Fatal(err)
	}
	intake, end := context.WithCancel(context.Background())
	time := clock.New(nil)
	env := &inlet.Env{Node: name, Peers: func() []config.Peer { return nil }, Clock: time, Log: journal.New(slog.New(slog.DiscardHandler), name), Trace: steps.New(nil), Paths: cause.NewTree(8),
		Intake: intake, Handling: intake, MaxPayload: leaf.DefaultMaxPayload,
		Letters: kept, Bookmarks: marks}
	nobody := delivery.NewTargets(nil) // settles what is durable
	i.set = inlet.NewSet(env, imports, func(subject string) inlet.Type {
		return inlet.Type{Type: env.Trace.Type(subject), Rules: func() []*rules.Rule { return nil }, Handlers: []string{"count"},
			Admit: func(*cause.Header, bool) error { return nil },
			Enter: func(ctx context.Context, h *cause.Header, payload []byte, p delivery.Pressure, d *delivery.Handover) error {
				var text string
				if err := wire.DecodePayload(payload, &text); err != nil {
					t.Error(err)
				}
				i.mu.Lock()
				i.got = append(i.got, subject+" "+text)
				i.mu.Unlock()
				if d == nil {
					return nil
				}
				return nobody.Deliver(ctx, h, payload, p, d)
			}}
	})
	if err := i.set.Add("clue-1", func() (inlet.Exporter, error) { return toExporter{line, name}, nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := line.Subscribe(leaf.ToReader(name, "clue-1"), func(m *nats.Msg) { i.set.Hear("clue-1", m.Data) }); err != nil {
		t.Fatal(err)
	}
	i.set.Start()
	t.Cleanup(func() {
		if err := i.set.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		end()
		i.set.Await(context.Background())
		i.set.AwaitTending()
		time.Close()
	})
	leaf.Eventually(t, "the importer is welcome", func() bool { return len(i.set.Missing()) == 0 })
	return i
}

// all is what came, sorted.
func (i *importer) all() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Sorted(slices.Values(i.got))
}

// With a hub between them nodes speak as they do over a link of their own. Exporter and readers
// dial one account of a stock server, which has a user with the least permissions for each node.
// What is proved: the subjects suffice there, in one account; permissions take the place of the
// accounts of links, as each subject has one node that may publish and one that may hear it; plain
// and durable events arrive once, shared ones at one instance. Nodes have no hubs in their
// configuration yet: the test puts the parts of a node together.
func TestThroughAHub(t *testing.T) {
	specs, keys := map[string]leaf.Spec{}, map[string]string{}
	for _, name := range []string{"clue-1", "score-1", "score-2", "hunt-1", "rogue-1"} {
		specs[name], keys[name] = leaf.Peer(t, name)
	}
	url, address := startHub(t, "clue-1", keys)
	clue := specs["clue-1"]
	clue.Outbox = &leaf.Outbox{Dir: t.TempDir(), MaxBytes: 2 << 30}
	specs["clue-1"] = clue
	lines := map[string]*leaf.Line{}
	servers := map[string]*leaf.Server{}
	for _, name := range []string{"clue-1", "score-1", "score-2", "hunt-1"} {
		servers[name], lines[name] = dial(t, specs[name], url)
	}
	x := newExporter(t, servers["clue-1"], lines["clue-1"], clue.Outbox.Dir, "score-1", "score-2", "hunt-1", "rogue-1")

	// A reader with a key of its own asks for all of another's, in the ways that there are.
	rogue := leaf.NewRogue(t, address, specs["rogue-1"].Seed, "score-1") // its name proves nothing
	if got := rogue.Say(t, "LS+ >", "LS+ mesh.>", "LS+ mesh.to.>", "LS+ mesh.to.*.clue-1.> thieves 1", "LS+ *.>", "LS+ mesh.from.>"); strings.Contains(got, "-ERR") {
		t.Fatalf("the rogue is told %q", got)
	}

	shared, kept := config.Import{Event: solved}, config.Import{Event: opened, Durable: true}
	one, two := newImporter(t, "score-1", lines["score-1"], shared, kept), newImporter(t, "score-2", lines["score-2"], shared, kept)
	hunt := newImporter(t, "hunt-1", lines["hunt-1"], config.Import{Event: solved, Delivery: config.Each})
	const events = 100
	var plain, all []string
	for n := range events {
		for _, subject := range []string{solved, opened} {
			x.emit(subject, fmt.Sprint("team ", n%10), fmt.Sprint(n))
			all = append(all, fmt.Sprint(subject, " ", n))
		}
		plain = append(plain, fmt.Sprint(solved, " ", n))
	}
	slices.Sort(plain)
	slices.Sort(all)
	leaf.Eventually(t, "all at score and hunt", func() bool { return len(one.all())+len(two.all()) >= len(all) && len(hunt.all()) >= len(plain) })
	leaf.Eventually(t, "all to be settled", func() bool {
		s, _ := x.store.Stats()
		return s.Last > 0 && len(s.Readers) == 1 && s.Readers[0].Pending == 0 && s.Readers[0].Unacked == 0
	})
	if got := slices.Sorted(slices.Values(append(one.all(), two.all()...))); !slices.Equal(got, all) {
		t.Errorf("score got %q", got)
	}
	if got := hunt.all(); !slices.Equal(got, plain) {
		t.Errorf("hunt got %q", got)
	}
	for name, i := range map[string]*importer{"score-1": one, "score-2": two} {
		for _, subject := range []string{solved, opened} {
			if !slices.ContainsFunc(i.all(), func(got string) bool { return strings.HasPrefix(got, subject) }) {
				t.Errorf("%s has no share of %s", name, subject)
			}
		}
	}
	if got := rogue.Say(t); strings.Contains(got, "LMSG") {
		t.Errorf("the rogue heard %.300q", got)
	}
	before := len(one.all()) + len(two.all()) + len(hunt.all())
	for _, subject := range []string{leaf.FromReader("score-1", "clue-1"), leaf.ToReader("score-1", "clue-1"), leaf.EventsTo("score-1", "clue-1", solved),
		leaf.ToReader("rogue-1", "clue-1"), solved} {
		r := leaf.NewRogue(t, address, specs["rogue-1"].Seed, "rogue-1")
		r.Say(t)
		if got := r.Last(t, "LMSG "+subject+" 6\r\nforged"); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("it published %s: %q", subject, got)
		}
	}
	for _, subject := range []string{leaf.ToReader("score-1", "clue-1"), leaf.EventsTo("score-1", "clue-1", solved), leaf.FromReader("score-1", "clue-1")} {
		r := leaf.NewRogue(t, address, specs["rogue-1"].Seed, "rogue-1")
		r.Say(t)
		if got := r.Last(t, "LS+ "+subject); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("it asked for %s: %q", subject, got)
		}
	}
	x.emit(solved, "team 1", "last")
	leaf.Eventually(t, "the last one", func() bool { return len(one.all())+len(two.all())+len(hunt.all()) == before+2 })
	if n := x.trace.Counts(); slices.ContainsFunc(n, func(c stats.Count) bool { return c.Outcome == stats.Lost }) {
		t.Errorf("the exporter heard what is malformed: %v", n)
	}
}
