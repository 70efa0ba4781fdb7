// Package store keeps a service's state in one SQLite file.
//
// What it guarantees:
//
//   - A Write is atomic: all of its statements are in the file, or none is.
//   - Write returns after the COMMIT. From then on every reader sees it, and the crash of the
//     process loses nothing of it.
//   - The crash of the machine (power, kernel) may lose the newest COMMITs, those since the last
//     checkpoint, but only from the end and never a part of one: the file stays sound. The journal
//     is SQLite's WAL with synchronous=NORMAL, which syncs at checkpoints (each 1,000 pages of 4
//     KiB) and not at each COMMIT. synchronous=FULL was rejected: a sync at each COMMIT costs
//     milliseconds on a common disk, and what a machine's crash would lose here are the last
//     moments of a game.
//   - What was there is not begun anew, nor gone on with from an older state, in silence: Open
//     compares the database with its mark, the file <name>.made, and refuses one whose file or -wal
//     file is gone, cut, damaged or older than it was. An honest power cut is none of these; there
//     the state goes on from what was synced.
//   - A Write that fails, be it for a full disk, leaves nothing behind. A function's own error and
//     a failed constraint concern that Write alone; an error by which SQLite loses the transaction
//     fails all Writes that share it.
//   - Writes are done one after the other by one goroutine, in the order they came.
//   - Readers never wait for the writer, nor the writer for them.
//
// What it does not: it keeps no second copy; nothing stops another process from writing to the same
// file, though both stay correct (one waits for the other for up to 5 s, then fails with
// SQLITE_BUSY).
//
// # Speed
//
// Writes called at the same time share one transaction (group commit), and each query string is
// prepared once. The writer uses database/sql: going through the driver's own interfaces instead
// saved 1 µs of 27 µs for a Write of three statements, which was not worth a Scan of our own.
package store
