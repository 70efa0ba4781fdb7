// Package leaf embeds one NATS server in a node and links it to the nodes it
// exchanges events with. It is the only package that imports nats-server.
//
// # Guarantees
//
//   - Account local is for taps, account store for the outbox. No link is bound to either.
//   - Each link has an account of its own: reader-<name> for an importer, exporter-<name>
//     for an exporter that is dialed. The process has one connection into it, a Line. No
//     account has anything of another. So no peer hears, or passes anything to, another
//     one through this node, not even by what NATS exempts from permissions.
//   - A link is directed. The importer dials the exporter's leaf port. There is no hub: in
//     a full mesh each node gets each peer's message exactly once.
//   - A link is mutual TLS 1.3, unless it is Plain. Each end proves the key, or with
//     Certificates the name, that the other has of it, before a byte of NATS is said. Nothing
//     is signed that could be relayed, no session is resumed, and what was made with a key that
//     is taken back is closed.
//   - A peer may listen to ToReader and what is below it, and may publish FromReader, both
//     in its own name, which only this node hears. A peer that ignores its permissions is
//     not served what it may not have, and is disconnected when it publishes. Its key opens
//     no client connection.
//   - Who an importer is, is decided by its key alone. A key that gives itself another's
//     name cuts no link but its own. It has two links at most, and a bounded number of
//     subscriptions.
//   - What an exporter says arrives on its own line. It cannot speak in another
//     exporter's name, and hears nothing that is said to another.
//   - A tap reads all of local, and publishes only to mesh.emit.> and mesh.ops.>.
//     It listens on loopback or not at all.
//   - JetStream runs only with an Outbox, in account store alone; without one nothing
//     is written to disk and no system account is made. Nothing that a peer sends, in
//     either direction of a link, reaches the outbox: no request, no acknowledgement, no
//     event. One process at a time has the outbox's directory. An outbox that a former
//     version stored in account out is taken over at the start.
//   - No port answers before Serve: the tap's is closed, and a handshake at the leaf port waits. A
//     Plain link has no handshake, and is made at once.
//   - The leaf port never accepts a connection without a key named in Importers. A stranger
//     who says nothing is put out after 2 s, and refusals are two lines of the log in 30 s, however
//     many they are.
//   - A peer that is dead or frozen is noticed within 14 s: 3.5 s between pings,
//     2 of them may be unanswered. The accepting side does not ping in the interval
//     after it last heard something, so it takes up to 4 intervals (with 4 s it
//     would be 16 s, over the promised 15); the dialing side takes 3.
//   - A lost link is dialed again after a wait that each server chooses at
//     random between 0.5 and 1.5 s. The server's own wait has no jitter.
//   - Line.Hears is exact: it reports whether the peer itself has subscribed, over the
//     link that is in use now.
//   - Line.HasRoom tells how much lies here for an importer, by what its system has acknowledged
//     and not by what it says; one for which more than 10 MiB do, and ever more, is put out. An
//     exporter that floods its link with what is no message is not dialed for 10 s. On Linux only.
//   - Peers that do not read hold up Stop for a second, however many they are. A peer that says
//     that it is a hub is put out.
//   - The seed and the passwords appear in no error, log line or printed value.
//   - Stop returns nil only when every goroutine of the server is gone.
//
// # Not promised
//
//   - Delivery. Links are core NATS: what is published while a link is down is
//     lost, and so is what is in a connection's buffer when Stop runs. Flush first.
//   - On a Plain link, who the exporter is, and that nobody else reads and rewrites what
//     passes. Whoever answers at a Remote's URL under the Remote's name is believed, on that
//     exporter's line, and has anything signed by Seed.
//
// # What NATS does, run or read with nats-server 2.15.2
//
//   - Deny: [">"] breaks the link's own protocol. So peers have allow lists.
//   - With one account on both ends of the links, NATS sees loops in a full mesh
//     and cuts links for 30 s, unless IsolateLeafnodeInterest is set. It is set, for the two
//     links that one importer may have. Accounts of one link each can't form a loop.
//   - In an account with several links, NATS replaces one by another that says the same
//     name in CONNECT, and passes on between them what is exempt from permissions. A limit of
//     one link would count one that is dead and not given up yet, and keep its own
//     importer out.
//   - A reload points the stream imports of an account, for a moment, at accounts without a
//     list of subscriptions: a subscription that comes over a link then ends the process
//     (addShadowSub). So no account imports from another.
//   - A remote's deny list is merged into the permissions of its link: with 50 nodes in a full
//     mesh 11 MB of heap a node. There are no deny lists.
//   - A connection of nats.go has a buffer of 32 KiB, whatever it is told. It is a third of the
//     heap of nodes in a full mesh of 25, where an end of a link takes some 100 KB in all.
//   - A remote cannot be enabled while its last dial is under way: Redial tries again.
//   - max_pending holds for our own connections as well: with 8 MiB, an importer on a busy
//     machine was cut from its own server in a burst and lost 57,000 of 300,000 messages. It
//     is left at 64 MiB.
//   - A message larger than the other side's max_payload closes the link, and the
//     publisher sees no error. So each end has to tell the other its limit.
//   - Two processes with one name and key replace each other's links for ever. The
//     one that is replaced gets "Duplicate Remote LeafNode Connection": it is
//     logged with the remedy, and Trouble names it.
//   - Two servers of one cluster name refuse each other for 30 s. Nodes have no
//     cluster, and no setting here gives them one.
//   - Under TLS 1.3 who dials is done before who listens has looked at the certificate. The
//     alert that says no is a read error, which the server does not log: see serverLog.closed. Nor
//     does it log that what answers speaks no TLS.
//   - A peer whose CONNECT says is_hub is not cut when it breaks its permissions, and is told of
//     no violation. What it may hear and say stays the same.
//   - With TLSMap the user is looked for among all names of a certificate: email addresses
//     first, then DNS names, URIs and the subject.
//   - A handshake that is under way holds up a reload, and a reload those that come after it:
//     a stranger who says nothing costs Link up to handshakeTimeout.
//   - While a reload runs, the server may wrongly refuse a client that logs in, so
//     Connect waits for Link to end.
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
//   - The interest of a link follows about 1.3 ms after the link.
package leaf
