// Package httpapi serves JSON over HTTP the way all services do.
//
//   - Every error is a problem detail (RFC 9457, application/problem+json), those of routing too.
//     What went wrong inside is logged and not told.
//   - Every request is bounded: headers 16 KiB, body 16 KiB, 5 s for the headers, 10 s for all of
//     the request, 15 s from its headers to the end of the answer. Streams of events have no end,
//     but each of their writes has 10 s.
//   - A server listens on the loopback interface unless its address names another one.
//   - A browser's page of another origin can neither read an answer (no CORS headers are sent) nor
//     change anything (http.CrossOriginProtection).
//
// The figures for time are this package's choice: generous for a person on a bad line, short enough
// that idle connections do not pile up.
package httpapi
