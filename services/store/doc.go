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
//   - A Write that fails leaves nothing behind, and concerns that Write alone: the transaction is
//     begun anew without it. If that fails too, all Writes that share the transaction fail. So they
//     do when the COMMIT fails, where SQLite finds out that the disk is full; only a transaction
//     that changes more than it keeps in memory (2 MB) finds out before, in the Write that does.
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
// prepared once. No Write has a savepoint of its own: see redo.go. The writer uses database/sql:
// going through the driver's own interfaces instead saved 1 µs of 27 µs for a Write of three
// statements, which was not worth a Scan of our own. What counts more is on how many pages a
// transaction writes: a row at the end of its table costs 2.8 µs of processor time, its part of a
// COMMIT of 32 included, and one that lands among the last 4,096 rows costs 7. Another driver,
// ncruces/go-sqlite3, needs 1.9 µs for the former, by an interface of its own.
package store
