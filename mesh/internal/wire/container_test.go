package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever events are put into a container come out, and the library would have written the same
// bytes.
func TestContainerRoundTrip(t *testing.T) {
	var c Container // one for all
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.OneOf(rapid.IntRange(1, 30), rapid.SampledFrom([]int{1, 23, 24, 255, MaxContainerEvents}))
		events := rapid.Map(counts, func(n int) [][]byte {
			events := make([][]byte, n)
			for i := range events {
				events[i] = bytes.Repeat([]byte{byte(i)}, i*i%70000)
			}
			return events
		}).Draw(t, "events")
		c.Reset()
		for i, event := range events {
			if size := c.SizeWith(len(event)); i == 0 && size != ContainerSize(len(event)) {
				t.Fatalf("size %d, of one event %d", size, ContainerSize(len(event)))
			}
			want := c.SizeWith(len(event))
			if c.Add(event); c.Size() != want || c.Len() != i+1 || len(c.Bytes()) != want {
				t.Fatalf("%d events, %d bytes in %d, want %d", c.Len(), c.Size(), len(c.Bytes()), want)
			}
		}
		if got := AppendContainer([]byte("before"), events...); !bytes.Equal(got[len("before"):], c.Bytes()) {
			t.Fatal("at once it has other bytes")
		}
		if c.Size() > MaxMessageBytes {
			return
		}
		if want := must(libraryEncoder.Marshal(libraryContainer{Version: 2, Names: []string{}, Events: events})); !bytes.Equal(c.Bytes(), want) {
			t.Fatalf("%x\nthe library %x", c.Bytes(), want)
		}
		got, err := SplitContainer(c.Bytes(), nil)
		if err != nil || !reflect.DeepEqual(got, events) {
			t.Fatalf("%d events came back of %d: %v", len(got), len(events), err)
		}
	})
}

// refusedContainer is one message that no implementation may take.
type refusedContainer struct {
	About   string `json:"about"`
	Message string `json:"message"` // hex
	says    string // what our error must contain
	is      error
}

func refusedContainers() []refusedContainer {
	version1 := hex.EncodeToString(readHex("testdata/version1/typical.hex"))
	return []refusedContainer{
		{About: "nothing", Message: "", says: "cut short at byte 0"},
		{About: "a map in place of the array", Message: "a0", says: "map at byte 0; want array"},
		{About: "an empty array", Message: "80", says: "array of 0 elements"},
		{About: "a message of version 1", Message: version1, says: "version 1; this node reads version 2: upgrade the sender", is: ErrVersion},
		{About: "version 3", Message: "8303808140", says: "version 3; this node reads version 2: upgrade this node", is: ErrVersion},
		{About: "version 3 with four elements", Message: "840380814000", says: "version 3", is: ErrVersion},
		{About: "version 0", Message: "8300808140", says: "version 0", is: ErrVersion},
		{About: "version as a float", Message: "83f94000808140", says: "version: simple value"},
		{About: "version as a negative integer", Message: "8320808140", says: "version: negative integer"},
		{About: "a tag around the version", Message: "83c102808140", says: "version: tag"},
		{About: "two elements", Message: "820280", says: "array of 2 elements; version 2 has 3"},
		{About: "four elements", Message: "84028081410000", says: "array of 4 elements"},
		{About: "an array of indefinite length", Message: "9f0280814100ff", says: "indefinite length at byte 0"},
		{About: "a name in the dictionary", Message: "83028161618141a0", says: "names: 1 names; version 2 has none"},
		{About: "names that promise 2^64", Message: "83029bffffffffffffffff8141a0", says: "names: 18446744073709551615 names"},
		{About: "names null", Message: "8302f68141a0", says: "names: simple value"},
		{About: "names as a map", Message: "8302a08141a0", says: "names: map"},
		{About: "no events", Message: "83028080", says: "events: there are none"},
		{About: "257 events", Message: "830280990101" + strings.Repeat("40", 257), says: "events: there are 257; at most 256 are allowed"},
		{About: "events that promise 2^32", Message: "8302809affffffff", says: "events: there are 4294967295"},
		{About: "events that promise more than there are bytes", Message: "830280990100", says: "256 promised before byte 6, 0 bytes left"},
		{About: "events of indefinite length", Message: "8302809f4100ff", says: "events: array of indefinite length"},
		{About: "events null", Message: "830280f6", says: "events: simple value"},
		{About: "an event as text", Message: "830280826161" + "4100", says: "event 1: text string"},
		{About: "an event that is not in a byte string", Message: "8302808180", says: "event 1: array"},
		{About: "an event that promises 2^63 bytes", Message: "83028082" + "4100" + "5b8000000000000000", says: "event 2: "},
		{About: "an event longer than the message", Message: "8302808143a0", says: "event 1: 3 bytes promised"},
		{About: "an event of indefinite length", Message: "830280815f4100ff", says: "event 1: byte string of indefinite length"},
		{About: "a byte too many", Message: "8302808141a000", says: "1 bytes follow the array"},
	}
}

func TestSplitContainerRefuses(t *testing.T) {
	for _, test := range refusedContainers() {
		t.Run(test.About, func(t *testing.T) {
			message := must(hex.DecodeString(test.Message))
			got, err := SplitContainer(message, [][]byte{{1}})
			if !errors.Is(err, ErrMalformed) || errors.Is(err, ErrVersion) != (test.is != nil) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v; want one that says %q", err, test.says)
			}
			if len(got) != 1 {
				t.Errorf("left %x behind", got)
			}
			if _, err := librarySplit(message); err == nil {
				t.Error("the library's way accepts it")
			}
			space := make([][]byte, 0, MaxContainerEvents)
			if cost := allocated(func() { _, _ = SplitContainer(message, space) }); cost > 4<<10 {
				t.Errorf("it cost %d bytes", cost)
			}
		})
	}
	long := AppendContainer(nil, make([]byte, MaxEventBytes), nil)
	if _, err := SplitContainer(long, nil); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "at most 1048576") {
		t.Errorf("a message over the cap: %v", err)
	}
	if _, err := SplitContainer(AppendContainer(nil, make([]byte, MaxEventBytes)), nil); err != nil {
		t.Errorf("a message at the cap: %v", err)
	}
}

// testdata/refused-containers.json is the same list for other implementations.
func TestRefusedContainerVectors(t *testing.T) {
	const file = "testdata/refused-containers.json"
	want := refusedContainers()
	for i := range want {
		want[i].says, want[i].is = "", nil
	}
	if *update {
		writeJSON(t, file, want)
	}
	var got []refusedContainer
	if err := json.Unmarshal(must(os.ReadFile(file)), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s differs from the cases in this file; run go test -run Refused -update", file)
	}
}

// What is wrong with one event of a container harms no other: each is decoded by itself.
func TestOneMalformedEventOfAContainer(t *testing.T) {
	good := goldenVectors(t)[0].event
	events, err := SplitContainer(AppendContainer(nil, good, []byte{0xFF}, nil, good), nil)
	if err != nil || len(events) != 4 {
		t.Fatalf("%d events: %v", len(events), err)
	}
	for i, event := range events {
		if err := DecodeEvent(event, new(Envelope)); (err == nil) != (i == 0 || i == 3) {
			t.Errorf("event %d: %v", i+1, err)
		}
	}
}

func TestContainerAllocates(t *testing.T) {
	var c Container
	event, space := make([]byte, 100), make([][]byte, 0, 16)
	fill := func() {
		c.Reset()
		for range 16 {
			c.Add(event)
		}
		if _, err := SplitContainer(c.Bytes(), space); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, fill); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

// FuzzSplitContainer holds the splitting against the library and the text of docs/wire.md.
func FuzzSplitContainer(f *testing.F) {
	for _, vector := range goldenVectors(f) {
		f.Add(vector.message)
	}
	for _, refused := range refusedContainers() {
		f.Add(must(hex.DecodeString(refused.Message)))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		got, err := SplitContainer(message, nil)
		want, libraryErr := librarySplit(message)
		if (err == nil) != (libraryErr == nil) {
			t.Fatalf("%x\nby hand: %v\nby the library: %v", message, err, libraryErr)
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) || len(err.Error()) > 600 || got != nil {
				t.Fatalf("%x: %v, left %x", message, err, got)
			}
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%x: %x, by the library %x", message, got, want)
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("%x: %x, by the library %x", message, got, want)
			}
		}
		if again := AppendContainer(nil, got...); len(again) > len(message) {
			t.Fatalf("%x: the deterministic form is longer: %x", message, again)
		}
	})
}
