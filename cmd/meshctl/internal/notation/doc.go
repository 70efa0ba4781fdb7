// Package notation reads and writes the values of events as JSON, and as CBOR's diagnostic
// notation.
//
// JSON has fewer kinds of values than CBOR. An integer key of a map is a key of digits in JSON, and
// a byte string is base64. The way back takes a key of digits for an integer, as the fields of
// events have integer keys, and every text for a text.
package notation
