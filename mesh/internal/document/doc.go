// Package document decodes one strict YAML document into a Go value and finds
// every problem in it at once, each with its line and its path.
//
// Strict means: no key that the target does not have, no key twice, no text
// where a number stands or a number where a text stands, one document, and no
// anchors, aliases, merge keys, tags or directives. Without those a document
// cannot grow when it is read, and each value stands on exactly one line.
//
// Guarantees: Decode never panics on any input. It accepts at most MaxBytes
// bytes, MaxKeys keys and MaxDepth levels of flow nesting, and refuses more
// before it builds anything of them: the YAML library takes memory quadratic
// in the depth and time quadratic in the number of keys of one mapping. No
// problem repeats a value of the document, except in what a type's own
// UnmarshalText says of it; it may repeat keys.
//
// The package knows nothing of configurations.
package document
