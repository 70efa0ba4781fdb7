package config

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh/internal/configtest"
	"leafmesh/mesh/internal/wire"
)

// operatorKey is the remedy for an operator's key that is none.
const operatorKey = "give what is in the operator's .pub file, made by: meshctl key FILE"

type badCase struct{ name, old, new, want string }

// Each case changes configtest.Good in one place and says what LoadYAML answers: all
// of it, without "FILE:". Where old is empty, new is the whole file.
var badYAML = []badCase{
	{"unknown key", "listen:", "listn:", `2: listn: unknown key; did you mean listen?`},
	{"unknown key, nothing like it", "max_payload: 4096", "colour: red",
		`15: colour: unknown key; known keys: name, listen, seed, peers, links, hub, limits, cascades, alarms, exports, imports, data, letters, outbox, tap, operators, max_payload, recorder`},
	{"unknown nested key", "delivery: each", "delvery: each", `13: imports[0].delvery: unknown key; did you mean delivery?`},
	{"duplicate key", "max_payload: 4096", "name: clue-2", `15: name: the key already stands on line 1; keep one of the two`},
	{"number for text", "name: clue-1", "name: 7", `1: name: a whole number stands where a text belongs; put it in quotes`},
	{"text for number", "burst: 50", `burst: "50"`, `9: limits[0].limit.burst: a text stands where a whole number belongs; write it without quotes`},
	{"huge number", "burst: 50", "burst: 99999999999999999999", fmt.Sprintf("9: limits[0].limit.burst: the number is out of range; write one from %d to %d", math.MinInt, math.MaxInt)},
	{"mapping for list", "  - {event: clue.clue.solved}", "  event: clue.clue.solved", `11: exports: a mapping stands where a list belongs; begin each entry with a dash, or write them as [A, B]`},
	{"text for mapping", "limit: {rate: 20/min, burst: 50, policy: wait}", "limit: 5/s",
		`9: limits[0].limit: a text stands where a mapping belongs; write key: value; known keys: rate, burst, policy`},
	{"no value", "name: clue-1", "name:", `1: name: no value; give one, or leave the key out`},
	{"rate without unit", "20/min", "20", `9: limits[0].limit.rate: rate "20" is not a positive number with a unit, as in 200/s, 20/min or 3/h`},
	{"negative rate", "20/min", "-1/s", `9: limits[0].limit.rate: rate "-1/s" is not a positive number with a unit, as in 200/s, 20/min or 3/h`},
	{"second document", "max_payload", "---\nmax_payload", `16: a second document begins here; keep one document in the file`},
	{"anchor", "name: clue-1", "name: &a clue-1", `1: anchors and aliases are not allowed here; write the value out (quote a text that begins with & or *)`},
	{"alias bomb", "", "a: &a [x, x]\nb: &b [*a, *a]\n", `1: anchors and aliases are not allowed here; write the value out (quote a text that begins with & or *)
2: anchors and aliases are not allowed here; write the value out (quote a text that begins with & or *)
2: anchors and aliases are not allowed here; write the value out (quote a text that begins with & or *)
2: anchors and aliases are not allowed here; write the value out (quote a text that begins with & or *)`},
	{"tag", "name: clue-1", "name: !!str clue-1", `1: tags are not allowed here; quote the value if it is a text`},
	{"not YAML", "name: clue-1", "name: [clue-1", `2: not YAML: ',' or ']' must be specified; check the indentation, quotes and brackets`},
	{"not UTF-8", "clue-1\n", "clue-\xff\n", `1: the file is not UTF-8 text; save it as UTF-8`},
	{"too large", "max_payload", "#" + strings.Repeat("x", 1<<20) + "\nmax_payload", `1: the file is larger than 1048576 bytes; make it smaller`},
	{"too deep", "name: clue-1", "name: " + strings.Repeat("[", 65), `1: values are nested more than 64 deep; flatten them`},
	{"empty", "", "", `1: name: the node has no name; give it one of the form service-instance, as in "clue-1"`},

	{"no instance", "name: clue-1", "name: clue", `1: name: "clue" is not a stable node name; ` + stableName},
	{"process id", "name: clue-1", "name: clue-48213", `1: name: "clue-48213" is not a stable node name; ` + stableName},
	{"uuid", "name: clue-1", "name: clue-6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		`1: name: "clue-6ba7b810-9dad-11d1-80b4-00c04fd430c8" is not a stable node name; ` + stableName},
	{"address as name", "name: clue-1", "name: ip-10-0-0-12", `1: name: "ip-10-0-0-12" is not a stable node name; ` + stableName},
	{"reserved name", "name: clue-1", "name: mesh-1", `1: name: the service name "mesh" is taken by the framework's own events; choose another`},

	{"listen without host", "127.0.0.1:7401", ":7401", `2: listen: it has no host; give host:port, as in 127.0.0.1:7401, or 0.0.0.0:7401 for every interface`},
	{"listen without port", "127.0.0.1:7401", "localhost", `2: listen: it is not of the form host:port; give host:port, as in 127.0.0.1:7401, or 0.0.0.0:7401 for every interface`},
	{"listen on a bad port", "127.0.0.1:7401", "localhost:77777", `2: listen: "77777" is not a port number; give host:port, as in 127.0.0.1:7401, or 0.0.0.0:7401 for every interface`},
	{"listen on a bad address", "127.0.0.1:7401", "127.0.0.256:7401", `2: listen: "127.0.0.256" is not a host name or address; give host:port, as in 127.0.0.1:7401, or 0.0.0.0:7401 for every interface`},
	{"exports without listen", "listen: 127.0.0.1:7401", "", `1: listen: there are exports but no port, so no node could ever read them; give host:port, as in 127.0.0.1:7401, or remove the exports`},
	{"listen for nobody", "", "name: clue-1\nlisten: 127.0.0.1:7401\nseed: {file: clue-1.nk}\n",
		`2: listen: no peer may import, so nobody could use this port; add may_import to the peers that import from this node, or remove listen`},
	{"readers without listen", "", "name: clue-1\npeers: [{name: hunt-1, may_import: all, key: " + configtest.KeyA + "}]\n",
		`1: listen: there are peers that may import but no port for them to dial; give host:port, as in 127.0.0.1:7401, or remove may_import`},
	{"listen without seed", "", "name: clue-1\nlisten: 127.0.0.1:7401\npeers: [{name: hunt-1, may_import: all, key: " + configtest.KeyA + "}]\n",
		`1: seed: there is a port but no seed to prove to importers who listens; make one with: meshctl key FILE, then seed: {file: FILE}`},

	{"imports without seed", "seed: {file: clue-1.nk}", "", `1: seed: there are imports but no seed to prove to exporters who dials; make one with: meshctl key FILE, then seed: {file: FILE}`},
	{"seed in the YAML", "{file: clue-1.nk}", "SEED", `3: seed: a secret may not stand in a YAML file; name the file {file: PATH} or the environment variable {env: NAME} that holds it, and replace this one: it is no longer secret`},
	{"seed as a block", "{file: clue-1.nk}", "|\n  SEED", `3: seed: a secret may not stand in a YAML file; name the file {file: PATH} or the environment variable {env: NAME} that holds it, and replace this one: it is no longer secret`},
	{"seed as a key", "{file: clue-1.nk}", "{SEED: x}", `3: seed.(secret): unknown key; known keys: file, env`},
	{"seed as a file name", "clue-1.nk", "SEED", `3: seed.file: stat DIR/(secret): no such file or directory; make it with: meshctl key DIR/(secret), or name another`},
	{"seed as a variable", "file: clue-1.nk", "env: SEED", `3: seed.env: the environment variable (secret) is not set; set it, or name a file`},
	{"seed from two places", "{file: clue-1.nk}", "{file: clue-1.nk, env: X}", `3: seed: the secret has 2 sources; name one: {file: PATH} or {env: NAME}`},
	{"seed file missing", "clue-1.nk", "no.nk", `3: seed.file: stat DIR/no.nk: no such file or directory; make it with: meshctl key DIR/no.nk, or name another`},
	{"seed file open to all", "clue-1.nk", "open.nk", `3: seed.file: DIR/open.nk has mode 0644: every user of this machine can read or change the secret; chmod 600 DIR/open.nk`},
	{"seed file too large", "clue-1.nk", "large.nk", `3: seed.file: DIR/large.nk has more than 4096 bytes; name the right file`},
	{"seed file empty", "clue-1.nk", "empty.nk", `3: seed.file: the secret is empty; put the secret there`},
	{"seed file is a folder", "clue-1.nk", ".", `3: seed.file: DIR: it is a directory, and not a regular file; name a file`},
	{"seed is a public key", "clue-1.nk", "public.nk", `3: seed.file: this file is for a public key, and not for the seed; name the seed's file, FILE.nk`},
	{"seed is an account's", "clue-1.nk", "account.nk", `3: seed: the secret is not an nkey user seed (SU…); make one with: meshctl key FILE`},

	{"peer without name", "name: score-1, ", "", `6: peers[1].name: the node has no name; give it one of the form service-instance, as in "clue-1"`},
	{"peer without anything", `{name: score-1, key: ` + configtest.KeyA + `, may_import: all}`, "{name: score-1}", "6: peers[1]: " + uselessPeer},
	{"peer that may do nothing", "KNGJ, may_import: all", "KNGJ", "6: peers[1]: " + uselessPeer},
	{"peer that is not known and may import", "key: " + configtest.KeyA + ", ", "",
		`6: peers[1]: the peer may import, and there is no key by which it is known; add key or key_file: what meshctl key made on the peer's machine`},
	{"peer that is not known and dialed", ", key: " + configtest.KeyC, "",
		`5: peers[0]: the peer is dialed, and there is no key by which it is known: whoever answers at its url would be believed; add key or key_file: what meshctl key made on the peer's machine`},
	{"peer that may import what is no export", "key_file: score-2.pub, may_import: all", "key_file: score-2.pub, may_import: [clue.hint.taken]",
		`7: peers[2].may_import[0]: "clue.hint.taken" is no export of this node; name event types that stand under exports, or write may_import: all`},
	{"peer that may import a type twice", "key_file: score-2.pub, may_import: all", "key_file: score-2.pub, may_import: [clue.clue.solved, clue.clue.solved]",
		`7: peers[2].may_import[1]: "clue.clue.solved" already stands in peers[2].may_import[0]; keep one of the two`},
	{"peer that may import some word", "key_file: score-2.pub, may_import: all", "key_file: score-2.pub, may_import: true",
		`7: peers[2].may_import: it does not say what the peer may import: write all, or a list of event types, as in [clue.clue.solved]`},
	{"peer with a next key alone", "key_file: score-2.pub", "next_key: " + configtest.KeyB,
		"7: peers[2]: the peer may import, and there is no key by which it is known; add key or key_file: what meshctl key made on the peer's machine\n" +
			`7: peers[2].next_key: there is a next key and no present one; write key, and next_key only while the peer changes its key`},
	{"peer with a next key of another", "key_file: score-2.pub", "key_file: score-2.pub, next_key: " + configtest.KeyA,
		`7: peers[2].next_key: the key is the same as in peers[1].key; give each node a seed of its own: a key says which node it is`},
	{"peer twice", "name: score-2", "name: score-1", `7: peers[2].name: "score-1" is already named in peers[1].name; keep one of the two, with url and key in it`},
	{"peer is the node", "name: score-2", "name: clue-1", `7: peers[2].name: "clue-1" is this node itself; remove it from the peers`},
	{"peer url of another scheme", "nats-leaf://", "nats://", `5: peers[0].url: it is not a nats-leaf:// URL; give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402`},
	{"peer url with a password", "nats-leaf://", "nats-leaf://joe:hunter2@", `5: peers[0].url: a URL may not hold a user or a password; nodes log in with their seeds; give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402`},
	{"peer url without port", ":7402", "", `5: peers[0].url: it is not of the form host:port; give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402`},
	{"peer url with port 0", ":7402", ":0", `5: peers[0].url: "0" is not a port number; give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402`},
	{"peer url with a path", ":7402", ":7402/x", `5: peers[0].url: there is something after the port; give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402`},
	{"peer url twice", "key: " + configtest.KeyA, `url: "nats-leaf://127.0.0.1:7402", key: ` + configtest.KeyA, `6: peers[1].url: the url is the same as in peers[0].url; two nodes have two ports: give each its own`},
	{"peer key twice", "key_file: score-2.pub", "key: " + configtest.KeyA, `7: peers[2].key: the key is the same as in peers[1].key; give each node a seed of its own: a key says which node it is`},
	{"peer key of the node", "score-2.pub", "clue-1.pub", `7: peers[2].key_file: the key is that of this node's own seed; give the peer a seed of its own, and its public key here`},
	{"peer key from two places", "key_file: score-2.pub", "key: " + configtest.KeyB + ", key_file: score-2.pub", `7: peers[2].key_file: the peer has both key and key_file; keep one of the two`},
	{"peer key is a seed", "key: " + configtest.KeyA, "key: SEED", `6: peers[1].key: this is a seed, which is secret, and not a public key; make a new pair with: meshctl key FILE, and give what is in its .pub file`},
	{"peer key damaged", "key: " + configtest.KeyA, "key: " + configtest.KeyA[:55], `6: peers[1].key: this is not the public key of an nkey user (U…); give what is in the peer's .pub file, made by: meshctl key FILE`},
	{"peer key file missing", "score-2.pub", "no.pub", `7: peers[2].key_file: stat DIR/no.pub: no such file or directory; copy it from the peer's machine, where it is made with: meshctl key DIR/no.nk`},

	{"limit of a bad subject", "clue.answer.submitted", "clue.answer",
		"9: limits[0].event: " + wire.CheckPattern("clue.answer").Error()},
	{"limit at an unknown place", "{event: clue.answer.submitted,", "{event: clue.answer.submitted, place: inside,",
		`9: limits[0].place: "inside" is none of emit, export, import, handler; leave it out for emit`},
	{"limit for a handler elsewhere", "{event: clue.answer.submitted,", "{event: clue.answer.submitted, handler: judge,",
		`9: limits[0].handler: only a rule at place handler is for one handler; add place: handler, or remove it`},
	{"limit by something unknown", "{event: clue.answer.submitted,", "{event: clue.answer.submitted, by: team,",
		`9: limits[0].by: "team" is none of type, key, root, peer; leave it out for type`},
	{"limit with too many keys", "{event: clue.answer.submitted,", "{event: clue.answer.submitted, by: key, keys: 2000000,",
		`9: limits[0].keys: 2000000 is out of range; choose from 1 to 1000000, or leave it out for 10000`},
	{"concurrency elsewhere", "{event: clue.answer.submitted, limit: {rate: 20/min, burst: 50, policy: wait}}", "{event: clue.answer.submitted, concurrency: 4}",
		`9: limits[0].concurrency: only a rule at place handler bounds the calls that run at once; add place: handler, or give a rate`},
	{"concurrency and a rate", "{event: clue.answer.submitted,", "{event: clue.answer.submitted, place: handler, concurrency: 4,",
		`9: limits[0].concurrency: a rule has either a concurrency or a rate with its burst; make two rules of it`},
	{"concurrency and a burst", "limit: {rate: 20/min, burst: 50, policy: wait}", "place: handler, concurrency: 4, limit: {burst: 2}",
		`9: limits[0].concurrency: a rule has either a concurrency or a rate with its burst; make two rules of it`},
	{"concurrency too high", "limit: {rate: 20/min, burst: 50, policy: wait}", "place: handler, concurrency: 5000",
		`9: limits[0].concurrency: 5000 is out of range; choose from 1 to 1024, or leave it out for no bound`},
	{"concurrency below zero", "limit: {rate: 20/min, burst: 50, policy: wait}", "place: handler, concurrency: -1",
		`9: limits[0].concurrency: -1 is out of range; choose from 1 to 1024, or leave it out for no bound`},
	{"concurrency with an unknown policy", "limit: {rate: 20/min, burst: 50, policy: wait}", "place: handler, concurrency: 4, limit: {policy: block}",
		`9: limits[0].limit.policy: unknown policy "block"; choose refuse, wait, shed or coalesce`},
	{"concurrency twice", "limit: {rate: 20/min, burst: 50, policy: wait}}", "place: handler, concurrency: 4}\n  - {event: clue.answer.submitted, place: handler, limit: {rate: 1/s}}\n  - {event: clue.answer.submitted, place: handler, concurrency: 5}",
		`11: limits[2].event: "clue.answer.submitted" already stands in limits[0], by the same place, root and key; keep one of the two`},
	{"limit of an export twice", "limit: {rate: 20/min, burst: 50, policy: wait}}\nexports:\n  - {event: clue.clue.solved", "place: export, limit: {rate: 1/s}}\nexports:\n  - {event: clue.answer.submitted, limit: {rate: 2/s}",
		`11: exports[0].limit: "clue.answer.submitted" already stands in limits[0], by the same place, root and key; keep one of the two`},
	{"export that coalesces by the short form", "exports:\n  - {event: clue.clue.solved", "exports:\n  - {event: clue.clue.solved, limit: {rate: 1/s, policy: coalesce}",
		`11: exports[0].limit.policy: coalesce is for rules; choose refuse, wait or shed, or make a rule of it under limits`},
	{"limit that coalesces not, within a time", "{event: clue.answer.submitted,", "{event: clue.answer.submitted, within: 2s,",
		`9: limits[0].within: 2s is for nothing; give a positive time, with policy coalesce only`},
	{"limit with a bad root", "{event: clue.answer.submitted,", "{event: clue.answer.submitted, root: team,",
		"9: limits[0].root: " + wire.CheckSubject("team").Error()},
	{"cascade out of range", "exports:", "cascades: [{depth: 40, descendants: -1}]\nexports:",
		`10: cascades[0].depth: 40 is out of range; choose from 1 to 31, or leave it out for 16
10: cascades[0].descendants: -1 is out of range; choose from 1 to 1000000, or leave it out for 1000`},
	{"limit without a rate", "rate: 20/min, ", "", `9: limits[0].limit.rate: there is a burst or a policy but no rate; give a rate, as in 200/s`},
	{"limit of nothing", "{rate: 20/min, burst: 50, policy: wait}", "{}", `9: limits[0].limit: the limit limits nothing; give a rate, as in 200/s, or remove the entry`},
	{"limit with a negative burst", "burst: 50", "burst: -1", `9: limits[0].limit.burst: a burst of -1 is negative; give how many events may pass at once`},
	{"limit with an unknown policy", "policy: wait", "policy: block", `9: limits[0].limit.policy: unknown policy "block"; choose refuse, wait, shed or coalesce`},
	{"limit twice", "exports:", "  - {event: clue.answer.submitted, limit: {rate: 1/s}}\nexports:",
		`10: limits[1].event: "clue.answer.submitted" already stands in limits[0], by the same place, root and key; keep one of the two`},

	{"limit twice, as an export's own", "exports:\n  - {event: clue.clue.solved}",
		"  - {place: export, event: clue.clue.solved, limit: {rate: 2/s}}\nexports:\n  - {event: clue.clue.solved, limit: {rate: 1/s}}",
		`12: exports[0].limit: "clue.clue.solved" already stands in limits[1], by the same place, root and key; keep one of the two`},

	{"export of another service", "clue.clue.solved", "hunt.clue.unlocked", `11: exports[0].event: "hunt.clue.unlocked" belongs to service hunt, and this node is of service clue; export it from a node of service hunt`},
	{"export with a wildcard", "clue.clue.solved", `"clue.*.solved"`, `11: exports[0].event: "clue.*.solved" has a wildcard; name each event type in an entry of its own`},
	{"export by its old key", "{event: clue.clue.solved}", "{event: clue.clue.solved, durable: [score]}", `11: exports[0].durable: the key has a new name; write kept_for, and name the services that it is kept for, as in [score]`},
	{"bound of an export that is not kept", "{event: clue.clue.solved}", "{event: clue.clue.solved, bounds: [{service: score}]}", `11: exports[0].bounds[0].service: the export is not kept for "score"; name it as it stands in kept_for, or remove the bound`},
	{"bound of nobody", "{event: clue.clue.solved}\n", "{event: clue.clue.solved, kept_for: [score], bounds: [{full: lose}]}\ndata: d\n", `11: exports[0].bounds[0].service: nothing says whose bound this is; name a service of kept_for`},
	{"bound twice", "{event: clue.clue.solved}\n", "{event: clue.clue.solved, kept_for: [score], bounds: [{service: score}, {service: score}]}\ndata: d\n", `11: exports[0].bounds[1].service: "score" already stands in exports[0].bounds[0]; keep one of the two`},
	{"bound beyond the outbox", "{event: clue.clue.solved}\n", "{event: clue.clue.solved, kept_for: [score], bounds: [{service: score, max_events: 1_000_001, max_bytes: 2GiB, max_age: 169h, full: drop}]}\ndata: d\n",
		`11: exports[0].bounds[0].max_events: 1000001 is out of range; choose from 1 to 1000000, or leave it out for the default
11: exports[0].bounds[0].max_bytes: 2GiB is out of range; choose up to that of the outbox, 1GiB, or leave it out
11: exports[0].bounds[0].max_age: 169h0m0s is out of range; choose up to that of the outbox, 168h0m0s, or leave it out
11: exports[0].bounds[0].full: unknown choice "drop"; choose refuse (Emit refuses new events) or lose (the oldest is lost for this service)`},
	{"kept for a service and its instance", "{event: clue.clue.solved}\n", "{event: clue.clue.solved, kept_for: [score, score-1]}\ndata: d\n", `11: exports[0].kept_for[1]: "score-1" is an instance of service score, which it is kept for too; name the service, whose instances share the events, or its instances`},
	{"kept for an instance without a key", "{event: clue.clue.solved}\n", "{event: clue.clue.solved, kept_for: [score-1, score-3]}\ndata: d\n", `11: exports[0].kept_for[1]: peer score-3 may not import it, so it could never read what is kept for it; name it in may_import of that peer, or remove it`},
	{"kept for another instance of its own", "{event: clue.clue.solved}\n", "{event: clue.clue.solved, kept_for: [clue-2]}\ndata: d\n", `11: exports[0].kept_for[0]: "clue-2" is of this node's own service; remove it: a service's events do not come in from its other instances`},
	{"kept for nobody that can be", "{event: clue.clue.solved}\n", "{event: clue.clue.solved, kept_for: [score-x1-]}\ndata: d\n", `11: exports[0].kept_for[0]: "score-x1-" is no name of a service or instance; name a service, as in "score", or one instance of it, as in "score-1"`},
	{"export twice", "imports:", "  - {event: clue.clue.solved}\nimports:", `12: exports[1].event: "clue.clue.solved" already stands in exports[0].event; keep one of the two`},

	{"import nobody can satisfy", "hunt.clue.unlocked", "score.points.awarded", `13: imports[0].event: "score.points.awarded": no peer of service score has a url; add one to the peers, or correct the event's name`},
	{"import of the own service", "hunt.clue.unlocked", "clue.clue.solved", `13: imports[0].event: "clue.clue.solved" is of this node's own service; remove it: a service's events do not come in from its other instances`},
	{"import with a wildcard", "hunt.clue.unlocked", `"hunt.>"`, `13: imports[0].event: "hunt.>" has a wildcard; name each event type in an entry of its own`},
	{"import of a bad subject", "hunt.clue.unlocked", "Hunt.clue.unlocked", "13: imports[0].event: " + wire.CheckSubject("Hunt.clue.unlocked").Error()},
	{"import twice", "tap:", "  - {event: hunt.clue.unlocked}\ntap:", `14: imports[1].event: "hunt.clue.unlocked" already stands in imports[0].event; keep one of the two`},
	{"import with an unknown delivery", "delivery: each", "delivery: all", `13: imports[0].delivery: unknown delivery "all"; choose shared (one instance of this service gets an event) or each (all do)`},

	{"tap for others", "localhost:0", "0.0.0.0:4222", `14: tap.listen: "0.0.0.0" is not this machine alone; what a tap reads and emits is not for others; give a loopback host:port, as in 127.0.0.1:4222 or localhost:0`},
	{"tap without user", "user: watcher, ", "", `14: tap.user: the tap has no user; give a name that clients log in with`},
	{"tap without password", ", password: {env: TAP_PASSWORD}", "", `14: tap.password: the tap has no password; name its file {file: PATH} or environment variable {env: NAME}`},
	{"tap password in the YAML", "{env: TAP_PASSWORD}", "hunter2",
		`14: tap.password: a secret may not stand in a YAML file; name the file {file: PATH} or the environment variable {env: NAME} that holds it, and replace this one: it is no longer secret`},
	{"tap password weak", "TAP_PASSWORD", "WEAK_PASSWORD", `14: tap.password: the password has 65 bits at most, and must have 128: a tap answers thousands of guesses a second; make one with: meshctl password FILE`},
	{"tap password unset", "TAP_PASSWORD", "NO_TAP_PASSWORD", `14: tap.password.env: the environment variable NO_TAP_PASSWORD is not set; set it, or name a file`},

	{"operator without a name", "key_file: score-2.pub, may_import: all}", "key_file: next.pub, may_import: all}\noperators: [{key: " + configtest.KeyB + "}]", `8: operators[0].name: "" is no name; give one of at most 64 bytes, as in "ada": the log says who changed what`},
	{"operator without a key", "max_payload: 4096", "operators: [{name: ada}]", `15: operators[0].key: this is not the public key of an nkey user (U…); ` + operatorKey},
	{"operator with a seed", "max_payload: 4096", "operators: [{name: ada, key: SEED}]", `15: operators[0].key: this is a seed, which is secret, and not a public key; ` + operatorKey},
	{"operator with a peer's key", "max_payload: 4096", "operators: [{name: ada, key: " + configtest.KeyA + "}]",
		`15: operators[0].key: the key is the same as in peers[1].key; give each operator a key of its own: it says who asks`},
	{"operator twice", "key_file: score-2.pub, may_import: all}", "key_file: next.pub, may_import: all}\noperators:\n  - {name: ada, key: " + configtest.KeyB + "}\n  - {name: ada, key: " + configtest.KeyB + ", may: all}",
		`10: operators[1].name: "ada" already stands in operators[0].name; give each operator a name of its own
10: operators[1].may: "all" is none of read, change; leave it out for read
10: operators[1].key: the key is the same as in operators[0].key; give each operator a key of its own: it says who asks`},
	{"payload too small", "4096", "100", `15: max_payload: 100 is out of range; choose from 1KiB to 1MiB, or leave it out for 64KiB`},
	{"payload too large", "4096", "1048577", `15: max_payload: 1048577 is out of range; choose from 1KiB to 1MiB, or leave it out for 64KiB`},

	{"recorder too small", "max_payload: 4096", "recorder: 4KiB", `15: recorder: 4KiB is out of range; choose from 1MiB to 4GiB, 0 for no recorder, or leave it out for 32MiB`},
	{"slow in the past", "max_payload: 4096", "alarms: {slow: -1s}", `15: alarms.slow: -1s is not a time to come; give a positive one, or leave it out for 5s`},
	{"alarm factor negative", "max_payload: 4096", "alarms: {factor: -1}", `15: alarms.factor: -1 is out of range; choose from 0.1 to 1000000, or leave it out for 10`},
	{"alarm factor too large", "max_payload: 4096", "alarms: {factor: 1000001}", `15: alarms.factor: 1.000001e+06 is out of range; choose from 0.1 to 1000000, or leave it out for 10`},
	{"alarm gain too small", "max_payload: 4096", "alarms: {factor: 2.5, gain: 0.05}", `15: alarms.gain: 0.05 is out of range; choose from 0.1 to 1000000, or leave it out for 1`},
	{"alarm gain no number", "max_payload: 4096", "alarms: {gain: .nan}", `15: alarms.gain: a number stands where a finite number belongs; write digits, as in 100 or 2.5`},
	{"alarm of nothing known", "max_payload: 4096", "alarms: {gian: 2}", `15: alarms.gian: unknown key; did you mean gain?`},

	{"three at once", "", "name: clue-1\nnmae: x\nimports:\n  - event: hunt.clue.unlocked\n    delivry: each\nmax_payload: 1\n",
		`1: seed: there are imports but no seed to prove to exporters who dials; make one with: meshctl key FILE, then seed: {file: FILE}
2: nmae: unknown key; did you mean name?
4: imports[0].event: "hunt.clue.unlocked": no peer of service hunt has a url; add one to the peers, or correct the event's name
5: imports[0].delivry: unknown key; did you mean delivery?
6: max_payload: 1 is out of range; choose from 1KiB to 1MiB, or leave it out for 64KiB`},
}

const uselessPeer = "the peer has neither url nor may_import; give url and key to import from it, may_import and key to let it import from this node: all, or a list of event types"

const stableName = `use service-instance, as in "clue-1": lower-case words that begin with a letter, then a number up to 9999; never a host name, process id or random id, which change`

func TestLoadYAMLSaysWhatIsWrong(t *testing.T) {
	folder, seed := configtest.NewFolder(t)
	configtest.WriteFile(t, filepath.Join(folder, "clue-1.pub"), publicKeyOf(seed), 0o644)
	configtest.WriteFile(t, filepath.Join(folder, "open.nk"), seed, 0o644)
	configtest.WriteFile(t, filepath.Join(folder, "large.nk"), strings.Repeat("x", 5000), 0o600)
	configtest.WriteFile(t, filepath.Join(folder, "empty.nk"), " \n", 0o600)
	configtest.WriteFile(t, filepath.Join(folder, "public.nk"), configtest.KeyA, 0o600)
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	accountSeed, err := account.Seed()
	if err != nil {
		t.Fatal(err)
	}
	configtest.WriteFile(t, filepath.Join(folder, "account.nk"), string(accountSeed), 0o600)
	for _, test := range slices.Concat(badYAML, mistakes) {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(configtest.Good, test.old, test.new, 1)
			if test.old == "" {
				text = test.new
			} else if text == configtest.Good {
				t.Fatalf("the case changes nothing")
			}
			err := loadText(t, folder, strings.ReplaceAll(text, "SEED", seed), &Node{})
			if err == nil {
				t.Fatal("no error")
			}
			file := filepath.Join(folder, "node.yaml")
			got := strings.ReplaceAll(err.Error(), file+":", "")
			got = strings.ReplaceAll(got, folder, "DIR")
			if want := strings.TrimSpace(test.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			problem, ok := errors.AsType[*FieldError](err)
			if !ok || problem.File != file || problem.Line < 1 {
				t.Errorf("errors.As gives %+v", problem)
			}
			if strings.Contains(err.Error(), seed) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is in the error")
			}
		})
	}
}
