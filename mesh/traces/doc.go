// Package traces exports what a node keeps of cascades as spans of OpenTelemetry, with OTLP over
// HTTP.
//
//	exporter, err := traces.Export(traces.Config{OTLP: "http://127.0.0.1:4318"}, node, slog.Default())
//	…
//	err = errors.Join(node.Close(ctx), exporter.Close(ctx))
//
// A cascade is a trace. Its id is that of the cascade's root, and the ids of spans follow from
// those of events, so that nothing more travels between nodes: each exports its own spans, and they
// fit together.
//
// # Guarantees
//
//   - No event waits for a span, and none costs more: spans are made of what the flight recorder
//     keeps.
//   - The queue of spans is bounded. A span that is not exported is counted, by why it is not: see
//     stats.Traces.
package traces
