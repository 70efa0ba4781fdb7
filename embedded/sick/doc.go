// Package sick runs healthy handlers, keys and emitters beside sick ones, and measures what the
// healthy keep of their throughput and of their 99th percentile.
//
// # The healthy
//
// Three nodes have readings: a local type with 64 keys, 500 events a second and a handler with four
// workers. Node a also exports reports, 250 a second, which b and c import. Each handler works for
// some 40 µs. They run all the time at the same rate, whoever is sick.
//
// # The sick
//
// [Sicknesses] lists them. Each has what it does on one of the nodes: handlers that hang until
// their timeout, a key whose handler always fails, a key far over its rule, callers that hang up in
// a rule's line, a wall clock that is set by hours, and handlers that hang behind a link.
//
// # What is measured
//
// Each sickness has its turn several times: a quiet time, in which what is to be sick is there and
// well, then as long a time in which it is sick. An event's time is that from when it was due to be
// emitted until its handler has run: an emitter that is held up counts too. The factors are medians
// over the rounds of the sick value over the quiet one just before it.
//
// # Guarantees
//
//   - That something was sick is shown by counters of the nodes; a run in which one of them is zero
//     is an error.
//   - When [Run] returns, nothing that it started is running.
package sick
