// Package archive keeps what a flight recorder has of the cascades that are worth it: those in
// which something went wrong or took long, and a few examples of the others.
//
// # Guarantees
//
//   - A cascade is kept from its first failed try, refusal, shed or loss on, with what the recorder
//     still has of it and all that comes, whatever else happens on the node.
//   - What is kept takes no more bytes than it was given, and is no older than a day. The oldest
//     makes room. Examples have room of their own.
//   - A storm keeps a few cascades of each cause (type, outcome, place and rule), then one in some
//     seconds, and a bounded number of all causes together. Those it leaves are counted.
//   - What others want kept, peers or people, has room and rates of its own: it takes none from
//     what went wrong here, and one that asks for much leaves room for the next.
//   - With a folder, what was kept is there after the process was killed. After a crash of the
//     machine the last seconds may be missing. Damage to a file costs what stands behind it there,
//     and is told of.
//   - Nobody who records waits for it.
package archive
