// Package leaf embeds one NATS server in a node and links it to the nodes it
// exchanges events with. It is the only package that imports nats-server.
//
// # Guarantees
//
//   - Accounts that never see each other: local, out and in, and store with an
//     Outbox. Local holds taps, and store the outbox; both are linked to nothing.
//     Peers that import from this node read from out. What this node imports arrives
//     in in.
//   - A link is directed. The importer dials the exporter's leaf port with an
//     nkey, and the link binds the importer's in to the exporter's out. There is
//     no hub: in a full mesh each node gets each peer's message exactly once.
//   - A peer may register the declared exports, its own beacon subject,
//     mesh.link.<its name>, and what is said to it, ToReader. It may publish FromReader in
//     its own name, which only this node hears, and nothing else. A peer that ignores
//     its permissions is not served what it may not have, and is disconnected when it
//     publishes. Its key opens no client connection.
//   - A tap reads all of local, and publishes only to mesh.emit.> and mesh.ops.>.
//     It listens on loopback or not at all.
//   - JetStream runs only with an Outbox, in account store alone; without one nothing
//     is written to disk and no system account is made. Nothing that a peer sends, in
//     either direction of a link, reaches the outbox: no request, no acknowledgement, no
//     event. One process at a time has the outbox's directory. An outbox that a former
//     version stored in account out is taken over at the start.
//   - The leaf port never accepts a connection without a key named in Importers.
//   - A peer that is dead or frozen is noticed within 14 s: 3.5 s between pings,
//     2 of them may be unanswered. The accepting side does not ping in the interval
//     after it last heard something, so it takes up to 4 intervals (with 4 s it
//     would be 16 s, over the promised 15); the dialing side takes 3.
//   - A lost link is dialed again after a wait that each server chooses at
//     random between 0.5 and 1.5 s. The server's own wait has no jitter.
//   - Ready is exact: it returns nil only after the exporter itself has registered
//     the interest on the link that is in use now. See Server.Ready.
//   - The seed and the passwords appear in no error, log line or printed value.
//   - Stop returns nil only when every goroutine of the server is gone.
//
// # Not promised
//
//   - That a peer takes only its share. NATS lets an admitted peer join any queue
//     group on a declared export: one that misbehaves can take events that another
//     service's instances share.
//   - That exporters cannot pass for each other at a common importer. Its links to them
//     share account In: one exporter can publish there what another's ToReader is, and
//     hear what the importer says to others.
//   - Delivery. Links are core NATS: what is published while a link is down is
//     lost, and so is what is in a connection's buffer when Stop runs. Flush first.
//   - Who the exporter is. A dialer proves itself with its nkey; the listener
//     does not, and nothing is encrypted. Whoever answers at a Remote's URL under
//     the Remote's name is believed. TLS would change that; it is not here.
//   - Fairness between links. A slow link stalls the connection that publishes
//     to it: publish exports on a connection of their own, behind a bounded queue.
//
// # What NATS does, run or read with nats-server 2.15.2
//
//   - A subject that the exporter does not allow: the importing server gets its
//     permissions when it connects, and does not send such interest at all. The
//     link stays up, and the importer's subscription stays silent. Ready turns that
//     silence into ErrNotExported. A wildcard that is wider than the export is
//     not sent either: interest has to be covered by an export.
//   - Deny: [">"] breaks the link's own protocol. So peers have allow lists.
//   - With one account on both ends of the links, NATS sees loops in a full mesh
//     and cuts links for 30 s, unless IsolateLeafnodeInterest is set. It is set. Links
//     from in to out can't form a loop even without it.
//   - A message larger than the other side's max_payload closes the link, and the
//     publisher sees no error. Beacons carry the exporter's limit, and Ready
//     fails with ErrPayloadLimit when it is above ours.
//   - Two processes with one name and key replace each other's links for ever. The
//     one that is replaced gets "Duplicate Remote LeafNode Connection": it is
//     logged with the remedy, and Ready names it.
//   - Two servers of one cluster name refuse each other for 30 s. Nodes have no
//     cluster, and no setting here gives them one.
//   - While a reload runs, the server may wrongly refuse a client that logs in, so
//     Connect waits for Link to end.
//   - Accounts that import streams from each other must not be reloaded while links are up:
//     for a moment the import's account has no subscriptions, and one that comes over a
//     link then ends the process (addShadowSub). So links share In and Out.
//   - Beacons and all: 50 idle nodes in a full mesh, 2,450 links in one process,
//     took 1 to 5 ms of CPU a second for each node, and 2.7 MB of heap.
//   - Leaf compression, on by default, costs 8.5 MB a link: it is off here.
//   - Acknowledgements ($JS.ACK.>) pass a link whatever its permissions, and the reply
//     subject of a request is where JetStream publishes with its own rights. Only an
//     account without links keeps peers from both. JetStream with a domain also maps its API
//     into the account of each link: there is no domain.
//   - After a write that failed, on a full disk for one, a stream gives no answer to
//     messages any more until its files are read anew: see ResetOutbox.
//   - JetStream reads a damaged file only when it needs what is in it, if there is an
//     index; the index is removed before the start. A million messages of 200 bytes
//     are read in 0.75 s.
//   - An account that is disabled and enabled again gives back no storage of the
//     server's limit. The account's own limit is the one that is set.
//   - ReloadOptions leaves connected links alone. Link closes those it must.
//   - ReloadOptions refuses a changed deny list. Link takes the remote out first.
//   - The interest of a link follows about 1.3 ms after the link.
//   - Queue groups over links: a member in the publishing server's own account
//     wins always; among links, the choice is weighted by member count.
package leaf
