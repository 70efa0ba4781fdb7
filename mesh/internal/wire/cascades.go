package wire

// Keep says that the speaker keeps the cascades of some roots, as something went wrong in them: who
// hears it keeps its part of them too, and tells the nodes that it knows to have another part.
type Keep struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Roots         []ID
}

// Question asks what is known of some cascades: of the node that hears it, and of those that it can
// ask itself.
type Question struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	// Number is the question's, chosen at random by the node where it was asked first. A node
	// passes a question on once.
	Number ID
	// Wait is how long the speaker waits for answers, in nanoseconds.
	Wait uint64
	IDs  []ID // of events or roots
	// Asked are nodes that somebody asks already, the speaker among them.
	Asked []string
}

// Report is a part of the answer to a [Question], of a report in JSON as mesh.ops.why gives it, or
// to a [SignedQuestion].
type Report struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Number        ID // the question's
	Part          []byte
	// More says that the report goes on in the next message; End that nothing more is told to the
	// question.
	More, End bool
}

// Limits of messages about cascades.
const (
	// MaxTalkRoots is how many roots a [Keep] may name, and ids a [Question].
	MaxTalkRoots = 64
	// MaxTalkAsked is how many nodes a [Question] may name.
	MaxTalkAsked = 256
)

// check reports what CBOR and the types leave open; nil if all is well.
func (k *Keep) check() error { return checkCounts(k.Roots, nil) }

func (q *Question) check() error { return checkCounts(q.IDs, q.Asked) }

func checkCounts(ids []ID, asked []string) error {
	if len(ids) == 0 || len(ids) > MaxTalkRoots {
		return malformed("talk: %d ids; from 1 to %d are allowed", len(ids), MaxTalkRoots)
	}
	return checkAsked(asked)
}

func checkAsked(asked []string) error {
	if len(asked) > MaxTalkAsked {
		return malformed("talk: %d nodes; at most %d are allowed", len(asked), MaxTalkAsked)
	}
	for _, name := range asked {
		if err := CheckNode(name); err != nil {
			return malformed("talk: %w", err)
		}
	}
	return nil
}
