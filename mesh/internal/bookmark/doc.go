// Package bookmark remembers, between the runs of a node, how far it has read in
// the outboxes of its peers. So it can tell when a peer was wiped, renamed or
// restored from an old copy. The outbox itself remembers for each importer what
// comes next, but what is wiped forgets that too.
//
// [Compare] is pure: what is remembered and what was found in, a finding out.
// [Load] and [Marks.Save] keep the marks in one file; see package sealed for what
// they guarantee. A mark may be behind what was handled, never ahead of it: who
// saves writes the mark after the handler, and may lose the last second of it.
// That is safe, as a mark that is behind only makes fewer differences show.
package bookmark
