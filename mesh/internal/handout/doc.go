// Package handout decides which reader gets which of the events that an outbox keeps for a service.
// A reader is one instance of the service. A [Shelf] hands out the events of one type.
//
// The package is pure: time, events and answers in, gifts and verdicts out. It has no clock, no
// goroutine, no socket and no lock.
//
// # Guarantees
//
//   - No event is lost: each that was offered is given until a reader has handled it, the stream
//     has it no more ([Shelf.Missing]), or no reader takes one as large ([Shelf.Oversize]). The
//     last two are counted.
//   - At most one reader has an event under way, but for one that hangs: what a reader holds
//     without progress for [Config.Patience] goes to another. Progress is that the reader answers
//     an event that it got before that one, or that one comes nearer on a slow link
//     ([Shelf.Progress]): who is slow, but works through what it has, is left to it.
//   - A reader is believed only about what it has under way, and once.
//   - A reader never has more than its credit, in events and in bytes. What another reader has
//     settled meanwhile still counts until the reader answers or leaves.
//   - A key stays with one reader as long as the readers that are well are the same. If one comes
//     or goes, only its keys move. What has no key goes to the reader with most credit left. A
//     reader that hangs, or that only puts off what it is given, is not well, and gets nothing that
//     another could take.
//   - Keys take turns, and so do readers. A reader's credit goes to the first in turn also if
//     others would fit: small events do not keep a large one away.
//   - No key has more under way at a reader than it leaves of the reader's credit, half of it if it
//     is alone. So keys that are slow leave some for others, however many they are.
//   - What is given again takes turns with what is new, and no more than half of a reader's credit.
//     So events that come again faster than their reader answers keep nobody from new ones.
//   - Events are read on beyond keys that stop, so that others go on behind any backlog of theirs,
//     as far as the bound of memory lets it; beyond keys that are quick only as far as is of use.
//   - In order ([ByKey], [Strict]), an event is given only when those before it are settled. What
//     was given before an order became stricter is not called back.
//   - What waits for its time (a handler failed, a handler is cut) is aside, and takes nothing of
//     anybody's credit. Aside there is a bound. Where it is reached, keys that have something aside
//     get nothing new, and all others go on, up to twice the bound.
//   - A handler that is cut does not keep another from new events: an event that one of them has
//     handled waits for room aside, up to 64 times the bound. In order it waits aside, as its key
//     has to wait in any case.
//   - The floor passes no event that is not settled.
//   - Memory is bounded: by the readers' credits, what is aside, and 64 times as many events that
//     are read and wait behind others, at 32 bytes and a key each.
//
// # Beginning anew
//
// [Shelf.State] is small: it has in full only what was given and not settled. The rest is read
// again from [Shelf.Position] on; what of it is settled is passed over. After [Restore], what was
// under way is given again at once, and that is no try.
package handout
