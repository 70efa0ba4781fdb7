package wire

import (
	"regexp"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// The grammar of names as docs/wire.cddl has it.
var (
	subjectForm = regexp.MustCompile(`^[a-z0-9-]+\.[a-z0-9-]+\.[a-z0-9-]+$`)
	stepForm    = regexp.MustCompile(`^[a-z0-9-]{1,64}:[a-z0-9-]+\.[a-z0-9-]+\.[a-z0-9-]+$`)
	tokenForm   = regexp.MustCompile(`^([A-Za-z0-9_-]|%[0-9A-F]{2})+$|^%$`)
)

// testID is an id of sixteen equal bytes.
func testID(n byte) (id ID) {
	for i := range id {
		id[i] = n
	}
	return id
}

func steps(names ...string) [][]byte {
	var path [][]byte
	for _, name := range names {
		path = append(path, []byte(name))
	}
	return path
}

// drawKey draws a valid key: mostly short, with whatever people put into a team's name, at times at
// the limit.
func drawKey(t *rapid.T) string {
	key := rapid.OneOf(
		rapid.StringMatching(`[a-z]{0,8}`),
		rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]rune(`a.Z%*> "'_-/🧩é`+"\n\x00")), 0, 40), func(r []rune) string { return string(r) }),
		rapid.Just(strings.Repeat("é", MaxKeyBytes/2)),
		rapid.Just(""),
	).Draw(t, "key")
	if len(key) > MaxKeyBytes {
		return key[:0]
	}
	return strings.ToValidUTF8(key, "?")
}

func drawStep(t *rapid.T) []byte {
	node := rapid.StringMatching(`[a-z0-9-]{1,64}`).Draw(t, "node")
	subject := rapid.StringMatching(`[a-z0-9-]{1,42}\.[a-z0-9-]{1,42}\.[a-z0-9-]{1,42}`).Draw(t, "subject")
	return []byte(node + ":" + subject)
}

func drawID(t *rapid.T, label string) (id ID) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label))
	id[15] |= 1 // never zero
	return id
}

// drawEnvelope draws a valid envelope.
func drawEnvelope(t *rapid.T) *Envelope {
	e := &Envelope{
		ID:      drawID(t, "id"),
		Time:    rapid.Int64().Draw(t, "time"),
		Key:     drawKey(t),
		Path:    [][]byte{drawStep(t)},
		Payload: rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "payload"),
	}
	e.Root = e.ID
	if rapid.Bool().Draw(t, "linked") { // a root that another event's handler began
		e.Parent = drawID(t, "parent")
		e.Parent[15] = e.ID[15] ^ 4
	}
	if depth := rapid.IntRange(0, MaxPathSteps-1).Draw(t, "depth"); depth > 0 {
		e.Root, e.Parent = drawID(t, "root"), drawID(t, "parent")
		e.Root[15], e.Parent[15] = e.ID[15]^2, e.ID[15]^4 // neither is id
		e.Age = time.Duration(rapid.Int64Min(0).Draw(t, "age"))
		for range depth {
			e.Path = append(e.Path, drawStep(t))
		}
	}
	return e
}
