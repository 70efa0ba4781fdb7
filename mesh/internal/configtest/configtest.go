package configtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nkeys"
)

// Public keys of nkey users.
const (
	KeyA = "UDQAFUQGA6CIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ"
	KeyB = "UDDXG7MRSEY4E4XXRMGJHIR2T2FMX4VWWSTRL7ENTKBTQ2KZY4FO3B7N"
	KeyC = "UDCUGAMTIOYCR4ENX77C7YDAWTNUMN3YI2ILSFKBTRP64AOG5ZBMGCAH"
)

// keyD is what next.pub holds.
const keyD = "UCQ5G34PMXNF3NTYKMMQYIKLPWFVT5BAVQKYYWKNEOBJMVFSCEJ3AJEJ"

// Good is a configuration without a problem, in the folder of NewFolder.
const Good = `name: clue-1
listen: 127.0.0.1:7401
seed: {file: clue-1.nk}
peers:
  - {name: hunt-1, url: "nats-leaf://127.0.0.1:7402", key: UDCUGAMTIOYCR4ENX77C7YDAWTNUMN3YI2ILSFKBTRP64AOG5ZBMGCAH}
  - {name: score-1, key: UDQAFUQGA6CIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ, may_import: all}
  - {name: score-2, key_file: score-2.pub, may_import: all}
limits:
  - {event: clue.answer.submitted, limit: {rate: 20/min, burst: 50, policy: wait}}
exports:
  - {event: clue.clue.solved}
imports:
  - {event: hunt.clue.unlocked, delivery: each}
tap: {listen: "localhost:0", user: watcher, password: {env: TAP_PASSWORD}}
max_payload: 4096
`

// Full has every field of a configuration.
const Full = `name: clue-1
listen: 127.0.0.1:7401
seed: {file: clue-1.nk}
peers:
  - {name: hunt-1, url: "nats-leaf://127.0.0.1:7402", key: UDCUGAMTIOYCR4ENX77C7YDAWTNUMN3YI2ILSFKBTRP64AOG5ZBMGCAH, next_key: UBHPS6Z4KTOGJILSHJMQ6Y3WC5ZK7DYUJCGRI7CRV2FHNK4LJ4SLD6NC}
  - {name: score-1, key: UDQAFUQGA6CIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ, may_import: [clue.clue.solved, clue.hint.taken]}
  - {name: score-2, key_file: score-2.pub, next_key_file: next.pub, may_import: all}
links: {plain: true, plain_beyond_loopback: true, plain_seed: {file: plain.nk}, ping: 2s}
hub: {urls: ["nats-leaf://127.0.0.1:7422"], seed: {file: hub.nk}}
limits:
  - {name: newest, place: emit, event: "clue.answer.*", root: clue.answer.submitted, by: key, keys: 7, within: 2s, limit: {rate: 20/min, burst: 50, policy: coalesce}}
  - {event: clue.answer.submitted, by: root, limit: {rate: 200/s, burst: 9, policy: refuse}}
  - {name: sent, place: export, event: "clue.hint.*", by: type, limit: {rate: 3/h, policy: shed}}
  - {place: import, event: hunt.clue.unlocked, by: peer, limit: {rate: 1000000000/s, policy: wait}}
  - {name: paced, place: handler, handler: judge, event: clue.answer.submitted, limit: {rate: 0.5/s, burst: 1000000, policy: wait}, waiting: 9}
  - {name: few, place: handler, handler: judge, event: clue.answer.submitted, by: key, concurrency: 2}
cascades:
  - {depth: 31, descendants: 1000000, loops: 31, deadline: 9h}
  - {root: clue.answer.submitted, depth: 1}
alarms: {factor: 2.5, gain: 0.1, handling: 3s, slow: 2s, backlog: 5m, clock: 1s}
recorder: 2MiB
exports:
  - {event: clue.clue.solved, kept_for: [score], bounds: [{service: score, max_events: 7, max_bytes: 1MiB, max_age: 3h, full: lose}], drop: [board], limit: {rate: 5/s, burst: 1, policy: refuse}}
  - {event: clue.hint.taken, limit: {rate: 5/s, policy: wait}}
imports:
  - {event: hunt.clue.unlocked, delivery: each, limit: {rate: 5/s, burst: 1, policy: shed}}
  - {event: hunt.team.finished, delivery: shared, durable: true, ordered: true, redelivery: {tries: 3, after: 2s, max: 4s}}
data: data
letters: all
outbox: {max_age: 48h, max_bytes: 2097152, max_events: 10, sync: always}
tap: {listen: "localhost:0", user: watcher, password: {env: TAP_PASSWORD}}
operators: [{name: ada, key: UBAGJDFZC6UKMPH2NWC46I253U6PHPJJVDNSQZIKIBQGC6RGWS7HVUBK, may: change}]
max_payload: 4096
`

// NewFolder makes a folder with the files and variables that the files name.
func NewFolder(t testing.TB) (folder, seed string) {
	t.Helper()
	folder, seed = t.TempDir(), newSeed(t)
	WriteFile(t, filepath.Join(folder, "clue-1.nk"), seed+"\n", 0o600)
	WriteFile(t, filepath.Join(folder, "plain.nk"), newSeed(t)+"\n", 0o600)
	WriteFile(t, filepath.Join(folder, "hub.nk"), newSeed(t)+"\n", 0o600)
	WriteFile(t, filepath.Join(folder, "score-2.pub"), " "+KeyB+"\n", 0o644)
	WriteFile(t, filepath.Join(folder, "next.pub"), keyD+"\n", 0o644)
	t.Setenv("TAP_PASSWORD", "HT4KCKDU6GDQSHZO5XR6QWKTYA")
	t.Setenv("WEAK_PASSWORD", "correct horse")
	return folder, seed
}

func newSeed(t testing.TB) string {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return string(seed)
}

// WriteFile writes a file with exactly this mode.
func WriteFile(t testing.TB, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // WriteFile's mode is cut by the umask.
		t.Fatal(err)
	}
}
