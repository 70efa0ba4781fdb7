package mesh_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/race"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// madeUp is an event as a peer makes it up that means no good: its id, root, key, path, node and
// types are its own. One of each eight is good, but for a handler that fails.
func madeUp(t *testing.T, number uint64, payload []byte) []byte {
	t.Helper()
	id, text := idOf(time.Now(), 1), fmt.Sprint(number)
	binary.BigEndian.PutUint64(id[8:], number+1)
	e := &wire.Envelope{ID: id, Root: id, Time: time.Now().UnixNano(), Key: "team-" + text,
		Path: [][]byte{[]byte("clue-1:clue.clue.solved")}, Payload: payload}
	from := func(step string) {
		e.Root[15]++
		e.Parent, e.Path = e.Root, append([][]byte{[]byte(step)}, e.Path...)
	}
	switch number % 8 {
	case 1:
		from("clue-1:clue.type" + text + ".made")
	case 2:
		from("node" + text + "-1:clue.answer.judged")
	case 3: // of a type that nobody imports
		e.Path = [][]byte{[]byte("clue-1:clue.type" + text + ".made")}
	case 5:
		e.Payload = []byte{0x61} // the head of a text that is not there
	case 6: // past the deadline of its cascade
		from("clue-1:clue.answer.judged")
		e.Age = 1000 * time.Hour
	}
	event, err := wire.AppendEvent(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	if number%8 == 4 { // so that nobody knows what caused it
		events, _ := wire.SplitContainer(damaged(t, wire.AppendContainer(nil, event), pathElement), nil)
		return events[0]
	}
	return event
}

// A million roots, keys, types and paths that a peer makes up take no room once the node has what
// it may: not in the recorder and what it keeps, the index of cascades, the limits by key and by
// root, the histograms, the counters and the log. Whatever is not handled is counted by its name.
func TestAMillionMadeUpEvents(t *testing.T) {
	warm, million := uint64(200_000), uint64(1_000_000)
	if testing.Short() || race.Enabled {
		million = 200_000
	}
	size := mesh.Size(4 << 20)
	score := scoreNode("score-1", mesh.Shared, nil)
	score.Handlers = []mesh.Handler{clueSolved.Handle("count", func(ctx context.Context, s solved) error {
		if h, _ := mesh.HeaderOf(ctx); h.ID[15]%16 == 1 {
			return errors.New("no such team")
		}
		return nil
	}, mesh.Retry{Tries: 2, FirstPause: time.Microsecond, LongestPause: time.Microsecond})}
	score.Recorder = &size
	lots := mesh.Limit{Rate: 1e6, Burst: 1e6, Policy: mesh.Shed}
	for _, by := range []mesh.By{mesh.ByKey, mesh.ByRoot, mesh.ByPeer} {
		score.Limits = append(score.Limits, mesh.Rule{Name: "import-" + string(by), Place: mesh.AtImport, Event: "clue.>", By: by, Limit: lots},
			mesh.Rule{Name: "handle-" + string(by), Place: mesh.AtHandler, Handler: "count", Event: "clue.>", By: by, Limit: lots})
	}
	node, publish := openImporter(t, score)
	node.Measure()
	payload, err := wire.AppendPayload(nil, solved{})
	if err != nil {
		t.Fatal(err)
	}
	send := func(from, to uint64) {
		const together, most = 50, 10_000 // in a message, and so many that are not judged, so that none is lost on the way
		for ; from < to; from += together {
			var events [][]byte
			for number := range uint64(together) {
				events = append(events, madeUp(t, from+number, payload))
			}
			publish(clueSolved.Subject(), wire.AppendContainer(nil, events...))
			if from%most == 0 {
				await(t, "what was sent", func() bool { return arrived(node) == from+together })
			}
		}
		await(t, "all that was sent", func() bool { return arrived(node) == to && node.Stats().Waiting == 0 })
	}
	send(0, warm)
	before, counts := heapInUse(), len(node.Stats().Counts)
	send(warm, warm+million)
	if grown := int64(heapInUse()) - int64(before); grown > 3<<20 {
		t.Errorf("%d KB more after %d events that were made up", grown>>10, million)
	}
	all := warm + million
	for _, want := range []stats.Count{
		{Outcome: stats.Lost, Place: "import", Rule: stats.Malformed, Count: all / 8},
		{Outcome: stats.Lost, Place: "handler count", Rule: stats.Malformed, Count: all / 8},
		{Outcome: stats.Refused, Place: "import", Rule: stats.CascadeDeadline, Count: all / 8},
		{Outcome: stats.Rerooted, Count: all / 8},
		{Outcome: stats.Failed, Place: "handler count", Count: all / 16},
		{Outcome: stats.Handled, Place: "handler count", Count: all * 9 / 16},
	} {
		wantCount(t, node, clueSolved.Subject(), want.Outcome, want.Place, want.Rule, want.Count)
	}
	s := node.Stats()
	if len(s.Counts) > counts {
		t.Errorf("%d counts, and %d before", len(s.Counts), counts)
	}
	if s.Recorder.FellOut == 0 || s.Recorder.Left == 0 || s.Cascades.Forgotten == 0 || s.Total(stats.Evicted) == 0 {
		t.Errorf("something is not counted: recorder %+v, cascades %+v, %d evicted", *s.Recorder, s.Cascades, s.Total(stats.Evicted))
	}
}

// arrived is how many events of a peer the node has made something of.
func arrived(n *mesh.Node) uint64 {
	s := n.Stats()
	return s.Total(stats.Imported) + counted(n, clueSolved.Subject(), stats.Lost, "import", "")
}
