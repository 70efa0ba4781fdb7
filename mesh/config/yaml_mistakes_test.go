package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh/internal/configtest"
)

// mistakes are what people write for something else; they run with badYAML.
var mistakes = []badCase{
	{"metrics of a daemon", "max_payload: 4096", "metrics: {listen: 127.0.0.1:9101}", `15: metrics: unknown key; the daemons of the hunt read it beside mesh; your program calls metrics.Serve: docs/metrics.md`},
	{"log of a daemon", "max_payload: 4096", "log: {level: debug}", `15: log: unknown key; the daemons of the hunt read it beside mesh; your program sets the Logger of its mesh.Config`},
	{"burst with leading zeros", "burst: 50", "burst: 0100", "9: limits[0].limit.burst: " + zeros},
	{"burst of no octal digits", "burst: 50", "burst: 08", "9: limits[0].limit.burst: " + zeros},
	{"negative burst with leading zeros", "burst: 50", "burst: -010", "9: limits[0].limit.burst: " + zeros},
	{"only zeros", "burst: 50", "burst: 00", "9: limits[0].limit.burst: " + zeros},
	{"fraction with leading zeros", "max_payload: 4096", "alarms: {gain: 01.5}", "15: alarms.gain: " + zeros},
	{"whole number with leading zeros for a fraction", "max_payload: 4096", "alarms: {gain: 010}", "15: alarms.gain: " + zeros},
	{"duration with leading zeros", "max_payload: 4096", "cascades: [{deadline: 010s}]", "15: cascades[0].deadline: the duration has leading zeros; write it without them"},
	{"rate with leading zeros", "20/min", "020/min", `9: limits[0].limit.rate: rate "020/min" has leading zeros, which some read as octal: write it without them`},
	{"size with leading zeros", "4096", "04096", `15: max_payload: size "04096" has leading zeros, which some read as octal: write it without them`},
	{"size with a unit and leading zeros", "4096", "064KiB", `15: max_payload: size "064KiB" has leading zeros, which some read as octal: write it without them`},
	{"number with an exponent", "burst: 50", "burst: 1e3", `9: limits[0].limit.burst: a text stands where a whole number belongs; write digits, as in 100`},
	{"duration in days", "max_payload: 4096", "cascades: [{deadline: 7d}]", `15: cascades[0].deadline: a text stands where a duration belongs; the longest unit is h: write a day as 24h, a week as 168h`},
	{"duration out of range", "max_payload: 4096", "cascades: [{deadline: 9999999h}]", `15: cascades[0].deadline: the duration is out of range; write at most 2562047h, which is 292 years`},
	{"another word for true", "delivery: each", "durable: yes", `13: imports[0].durable: a text stands where true or false belongs; write true or false; the services stand in the export, under kept_for`},

	{"an order that there is not", "delivery: each", "ordered: strict", `13: imports[0].ordered: it is no order: write true to keep the order by key, all to keep that of all events, or false`},
	{"true for services", "{event: clue.clue.solved}", "{event: clue.clue.solved, kept_for: true}",
		`11: exports[0].kept_for: true or false stands where a list belongs; name the services that it is kept for, as in [score]`},
	{"one service for a list", "{event: clue.clue.solved}", "{event: clue.clue.solved, kept_for: score}",
		`11: exports[0].kept_for: a text stands where a list belongs; name the services that it is kept for, as in [score]`},
	{"true under the old key", "{event: clue.clue.solved}", "{event: clue.clue.solved, durable: true}",
		`11: exports[0].durable: the key has a new name; write kept_for, and name the services that it is kept for, as in [score]`},
	{"services for true", "delivery: each", "durable: [clue]", `13: imports[0].durable: a list stands where true or false belongs; write true or false; the services stand in the export, under kept_for`},
	{"import as a text", "{event: hunt.clue.unlocked, delivery: each}", "hunt.clue.unlocked",
		`13: imports[0]: a text stands where a mapping belongs; write key: value; known keys: event, delivery, limit, durable, ordered, redelivery`},
	{"import as a list", "{event: hunt.clue.unlocked, delivery: each}", "[hunt.clue.unlocked]",
		`13: imports[0]: a list stands where a mapping belongs; write key: value; known keys: event, delivery, limit, durable, ordered, redelivery`},
	{"import of several events", "event: hunt.clue.unlocked", "event: [hunt.clue.unlocked, hunt.team.finished]",
		`13: imports[0].event: a list stands where a text belongs; name one event type, and make an entry for each`},
	{"imports as a mapping", "  - {event: hunt.clue.unlocked, delivery: each}", "  hunt.clue.unlocked: {delivery: each}",
		`13: imports: a mapping stands where a list belongs; begin each entry with a dash, or write them as [A, B]`},

	{"listen on a bare port", "127.0.0.1:7401", "7401", `2: listen: a whole number stands where a text belongs; give host:port, as in 127.0.0.1:7401, or 0.0.0.0:7401 for every interface`},
	{"listen on a bare port in quotes", "127.0.0.1:7401", `"7401"`, `2: listen: it is not of the form host:port; give host:port, as in 127.0.0.1:7401, or 0.0.0.0:7401 for every interface`},
	{"tap on a bare port", `"localhost:0"`, "4222", `14: tap.listen: a whole number stands where a text belongs; give a loopback host:port, as in 127.0.0.1:4222 or localhost:0`},
	{"peer at a bare port", `"nats-leaf://127.0.0.1:7402"`, "7402", `5: peers[0].url: a whole number stands where a text belongs; give nats-leaf://host:port, as in nats-leaf://127.0.0.1:7402`},

	{"seed names the public key", "clue-1.nk", "score-2.pub", `3: seed.file: this file is for a public key, and not for the seed; name the seed's file, DIR/score-2.nk`},
	{"seed names a public key that is not there", "clue-1.nk", "no.pub", `3: seed.file: this file is for a public key, and not for the seed; name the seed's file, DIR/no.nk`},
	{"seed is a file's name", "{file: clue-1.nk}", "clue-1.nk", `3: seed: a file's name stands where a mapping belongs; write {file: PATH}`},
	{"key file names the seed", "score-2.pub", "clue-1.nk", `7: peers[2].key_file: this file is for a seed, which is secret, and not for the public key; name the public key's file, DIR/clue-1.pub`},
	{"key file names a seed that is not there", "score-2.pub", "no.nk", `7: peers[2].key_file: this file is for a seed, which is secret, and not for the public key; name the public key's file, DIR/no.pub`},
	{"key is a file's name", "key: " + configtest.KeyA, "key: score-1.pub", `6: peers[1].key: this is a file's name, and not a public key; write key_file: PATH`},

	{"unknown policy without a rate", "{rate: 20/min, burst: 50, policy: wait}", "{policy: wiat}", `9: limits[0].limit.policy: unknown policy "wiat"; choose refuse, wait, shed or coalesce`},
	{"unknown policy with a time", "policy: wait}", "policy: coalecse}, within: 2s", `9: limits[0].limit.policy: unknown policy "coalecse"; choose refuse, wait, shed or coalesce`},
	{"unknown policy of an export", "{event: clue.clue.solved}", "{event: clue.clue.solved, limit: {policy: shde}}", `11: exports[0].limit.policy: unknown policy "shde"; choose refuse, wait or shed`},
	{"policy that drops what is durable, without a rate", "{event: clue.clue.solved}\n", "{event: clue.clue.solved, kept_for: [score], limit: {policy: shed}}\ndata: data\n",
		`11: exports[0].limit.rate: there is a burst or a policy but no rate; give a rate, as in 200/s`},
	{"unknown place of a handler's rule", "{event: clue.answer.submitted,", "{event: clue.answer.submitted, place: handlr, handler: judge,",
		`9: limits[0].place: "handlr" is none of emit, export, import, handler; leave it out for emit`},

	{"nothing under a key, and its keys beside it", `tap: {listen: "localhost:0", user: watcher, password: {env: TAP_PASSWORD}}`, "tap:\nuser: watcher\npassword: {env: TAP_PASSWORD}",
		`14: tap: nothing stands under the key, and beside it user, password; indent what belongs under it by two spaces`},

	{"size of an unknown unit", "4096", "4K", `15: max_payload: size "4K" is not a whole number of bytes, KiB, MiB, GiB, TiB, kB, MB, GB or TB, as in 64KiB`},
	{"size with a fraction", "4096", "1.5KiB", `15: max_payload: size "1.5KiB" is not a whole number of bytes, KiB, MiB, GiB, TiB, kB, MB, GB or TB, as in 64KiB`},
	{"negative size", "4096", "-4KiB", `15: max_payload: size "-4KiB" is not a whole number of bytes, KiB, MiB, GiB, TiB, kB, MB, GB or TB, as in 64KiB`},
	{"size that overflows", "4096", "8388608TiB", `15: max_payload: size "8388608TiB" is out of range: there are less than 8388608TiB`},
	{"size of too many digits", "4096", "99999999999999999999", `15: max_payload: size "99999999999999999999" is out of range: there are less than 8388608TiB`},
	{"payload too large, with a unit", "4096", "2MiB", `15: max_payload: 2MiB is out of range; choose from 1KiB to 1MiB, or leave it out for 64KiB`},
	{"list for a size", "4096", "[4096]", `15: max_payload: a list stands where a single value belongs; write one value`},
}

const zeros = "the number has leading zeros, which some read as octal; write it without them"

// Whatever one value is replaced by, what follows from that is not said: one mistake, one problem.
func TestOneMistakeIsOneProblem(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	values := regexp.MustCompile(`([a-z_]+): ([^\[{,} \n]+|"[^"]*"|\[[a-z]+\]|\{[^{}]*\})`)
	cases := 0
	for _, text := range []string{configtest.Full, configtest.Good} {
		for _, instead := range []string{"[[x]]", "{x: y}", ""} {
			for _, at := range values.FindAllStringSubmatchIndex(text, -1) {
				cases++
				var c Node
				err := loadText(t, folder, text[:at[4]]+instead+text[at[5]:], &c)
				if n := len(FieldErrors(err)); n > 1 || n == 0 && instead != "" {
					t.Errorf("%s as %q gives %d problems:\n%v", text[at[0]:at[1]], instead, n, err)
				}
			}
		}
	}
	if cases < 250 {
		t.Errorf("only %d values were replaced", cases)
	}
}

// A node that stands under mesh, in a file of a program that reads it at the top level, is one
// mistake, and what is missing at the top level is not said.
func TestANodeUnderAKey(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	under := "mesh:\n  " + strings.ReplaceAll(strings.TrimSpace(configtest.Good), "\n", "\n  ") + "\n"
	for text, want := range map[string]string{
		under: "1: mesh: unknown key; what stands under it belongs at the top level; move name, listen, seed and more out of mesh",
		configtest.Good + "mesh:\n  data: data\n  letters: all\n": "16: mesh: unknown key; what stands under it belongs at the top level; move data, letters out of mesh",
	} {
		var c Node
		err := loadText(t, folder, text, &c)
		if got := fmt.Sprint(err); !strings.HasSuffix(got, "node.yaml:"+want) || len(FieldErrors(err)) != 1 {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// Editors of other systems put a byte order mark at the start of what they save.
func TestAByteOrderMarkIsSkipped(t *testing.T) {
	folder, seed := configtest.NewFolder(t)
	var want, got Node
	if err := loadText(t, folder, configtest.Good, &want); err != nil {
		t.Fatal(err)
	}
	configtest.WriteFile(t, filepath.Join(folder, "clue-1.nk"), "\ufeff"+seed+"\r\n", 0o600)
	configtest.WriteFile(t, filepath.Join(folder, "score-2.pub"), "\ufeff"+configtest.KeyB+"\r\n", 0o644)
	if err := loadText(t, folder, "\ufeff"+strings.ReplaceAll(configtest.Good, "\n", "\r\n"), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	if keys, err := got.Peers[2].PublicKeys(); !slices.Equal(keys, []string{configtest.KeyB}) || err != nil {
		t.Errorf("keys %q, %v", keys, err)
	}
	for _, text := range []string{"name: \ufeffclue-1\n", "name: clue-1\n\ufeff\n"} { // elsewhere it is a character
		if err := loadText(t, folder, text, &Node{}); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "1": 1, "1B": 1, "4096": 4096, "1KiB": 1 << 10, "64 KiB": 64 << 10, "3MiB": 3 << 20, "1GiB": 1 << 30, "8388607TiB": 8388607 << 40,
		"1kB": 1000, "1KB": 1000, "10MB": 10_000_000, "2GB": 2_000_000_000, "1TB": 1e12, "1_048_576": 1 << 20, "9223372036854775807": 1<<63 - 1} {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%s is %d, want %d: %v", text, got, want, err)
		}
		if back, err := ParseSize(got.String()); back != got || err != nil {
			t.Errorf("%d is written as %s and comes back as %d, %v", got, got, back, err)
		}
	}
	for size, want := range map[Size]string{0: "0", 1: "1", 1000: "1000", 1024: "1KiB", 1025: "1025", 64 << 10: "64KiB", 1 << 20: "1MiB", 3 << 30: "3GiB", 1 << 40: "1TiB", -1024: "-1024"} {
		if got := fmt.Sprint(size); got != want {
			t.Errorf("%d is written as %s, want %s", int64(size), got, want)
		}
	}
	for _, text := range []string{"", "KiB", "1kib", "1K", "1Kb", "1 KiB ", "1  KiB", "+1", "-1", "1.5MiB", "1e6", "0x10", "01", "00", "1PiB", "8388608TiB", "9223372036854775808", "9223372036854775807KiB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
	if _, err := Size(-1).MarshalText(); err == nil {
		t.Error("a negative size has a text")
	}
}

func TestSizesWithUnitsInAFile(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	var c Node
	text := strings.NewReplacer("max_payload: 4096", "max_payload: 100KiB", "max_bytes: 2097152", "max_bytes: 10MB").Replace(configtest.Full)
	if err := loadText(t, folder, text, &c); err != nil {
		t.Fatal(err)
	}
	if c.MaxPayload != 102400 || c.Outbox.MaxBytes != 10_000_000 {
		t.Errorf("max_payload %v, max_bytes %v", c.MaxPayload, c.Outbox.MaxBytes)
	}
}
