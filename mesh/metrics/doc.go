// Package metrics gives out a node's counters and durations as Prometheus metrics, and answers
// whether the node is alive and ready, on an HTTP port of its own:
//
//	server, err := metrics.Serve(metrics.Config{Listen: "127.0.0.1:9101"}, node)
//
// It is the only package here that links Prometheus' client. A program that has a registry of its
// own adds [NewCollector].
//
// # Guarantees
//
//   - The number of series is bounded, whatever events come: no key is a label, and of each metric
//     2,000 sets of labels have a series. What comes up later is counted together, under the value
//     "other", and never moves, so that no counter falls.
//   - A scrape reads what the node has counted. It holds up no event.
//   - Without a token nobody but this machine is answered, and no page in a browser on it.
//   - A check of readiness asks the node and the database at most once a second, whoever asks how
//     often.
package metrics
