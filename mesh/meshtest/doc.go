// Package meshtest tests services that link package mesh: real nodes with real
// links in one process, a record of every event, and waits that end with what
// they wait for instead of after a guessed time.
//
//	func TestSolveIsScored(t *testing.T) {
//		m := meshtest.Open(t,
//			mesh.Config{Name: "clue-1",
//				Exports: []mesh.Export{clue.Solved.Export(mesh.Limit{})}},
//			mesh.Config{Name: "score-1",
//				Imports:  []mesh.Import{clue.Solved.Import(mesh.Limit{}, mesh.Shared)},
//				Handlers: []mesh.Handler{clue.Solved.Handle("score", score.count)}})
//
//		err := clue.Solved.Emit(m.Context("clue-1"), clue.ClueSolved{Team: "otters", Clue: "try-and-eat"})
//		if err != nil {
//			t.Fatal(err)
//		}
//		m.Settle(t) // every handler on every node has returned
//		meshtest.AssertNoneLost(t, m)
//		got := meshtest.Events(t, m, "score-1", score.Awarded)
//		...
//	}
//
// # Guarantees
//
// Recording. Every event that a node's handlers get, emitted there or imported,
// is recorded on that node once, with its header, in the order in which the
// node delivered it. Dead letters are events and are recorded too. A record
// says that the event was delivered; other handlers of it may still run. After
// [Mesh.Settle] they have returned.
//
// Codec check. All nodes run with mesh.Config.CodecCheck: a type that does not
// survive the wire and a handler that changes its event fail in the test.
// [Settings].WithoutCodecCheck turns that off.
//
// Waiting. Every wait ends as soon as its condition holds, and fails the test
// with what was seen once [Settings].Limit is over.
//
// Reasons. What nodes warn of, such as the error or the stack of a handler that
// fails, is in the test's log, which go test shows of a test that fails, and with
// -v of each. A config with a Logger of its own writes there instead.
//
// Closing. The nodes close when the test ends, and an error of that fails the
// test. No goroutine is left then; go.uber.org/goleak in TestMain proves it.
//
// Networks. A [Proxy] between two nodes, or in front of any TCP service, is a
// network that the test cuts, stalls and breaks.
//
// # Cost
//
// A node opens in some 10 ms. The recorder is one more handler on each node, so
// a node has room for 61 others; it keeps every event until the test ends.
//
// The functions that take a testing.TB may end the test and must be called from
// its goroutine, as t.FailNow must.
package meshtest
