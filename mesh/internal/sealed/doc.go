// Package sealed keeps small documents in files: whole or not at all, and never
// believed once they are damaged.
//
// # Guarantees
//
//   - After a kill at any instruction a file holds what it held before or what
//     was written, never a mixture. What was half written lies under another name
//     until [Sweep].
//   - What [Write] returned nil for survives a crash of the process and of the
//     machine, as far as the file system keeps its word about fsync. On Windows that
//     a file was removed may be undone by a crash of the machine: a folder cannot
//     be synced there.
//   - [Read] believes a file only if its checksum, its kind and its version are
//     right. Otherwise it returns a [*DamagedError], and never half a document.
//   - Files are readable by their owner only; on Windows by those whom the folder
//     lets in.
//   - A hostile file costs no more memory than its caller allows.
//
// A file is a CBOR sequence of two items: the document, and a byte string with
// the SHA-256 of the document's bytes. One process at a time may write to a
// folder.
//
// The library google/renameio was rejected: it does not sync the folder, so that
// a rename can be undone by a crash of the machine, and it has no Windows.
package sealed
