package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// TalkVersion is the version of what an exporter and a reader say to each other. Each of their
// messages is an array that begins with it and with the kind of the message.
const TalkVersion = 2

// The kinds of messages.
const (
	kindHello uint64 = 1 + iota
	kindWelcome
	kindBatch
	kindAnswers
	kindGoodbye
	kindTaken
	kindKeep
	kindQuestion
	kindReport
	kindSignedQuestion
	kindPaths
	kindKnownPaths
)

// Limits of messages, each count for one message.
const (
	// MaxTalkImports is how many types a reader can ask for.
	MaxTalkImports = 4096
	// MaxBatchEvents is how many events a batch may hold, and answers may be about.
	MaxBatchEvents = 1024
	// MaxTalkHandlers is how many handlers an event may name.
	MaxTalkHandlers = 64
	// MaxTalkLimits is how many limits of a type a reader may name.
	MaxTalkLimits = 16
	// GotEach is how many bytes of batches a reader may get at most before it says so (see
	// Answers.Got), also if it has nothing else to say. A part of an event it tells at once.
	GotEach = 16 << 10
)

// Hello is what a reader says to an exporter once it is linked, and again each second until it is
// welcomed, and then now and then as a sign of life. It replaces what it said before.
type Hello struct {
	_ struct{} `cbor:",toarray"`
	// Version is TalkVersion, Kind that of the message. AppendTalk sets both.
	Version, Kind uint64
	// Nonce names the reader's process, or a beginning anew of it: an exporter that hears another
	// one takes all back that it had given the reader under the former.
	Nonce ID
	// Link counts the links that the reader has had: what was given over an earlier one and not
	// answered may not have arrived.
	Link uint64
	// MaxPayload is the largest message that the reader takes, in bytes.
	MaxPayload uint64
	Imports    []HelloImport
	// Release is the version of the reader's program, for people.
	Release string
}

// HelloImport is an event type that the reader takes. One that is not durable has none of what
// follows Each.
type HelloImport struct {
	_    struct{} `cbor:",toarray"`
	Type string
	// Durable: out of the exporter's outbox. Else at most once.
	Durable bool
	// Each: every instance gets every event; a durable one what is kept for this instance. Else the
	// instances of a service share them.
	Each bool
	// Ordered says in which order events come: 0 in any, 1 by key, 2 all.
	Ordered uint64
	// Handlers are the names of those that handle the events.
	Handlers []string
	// Events and Bytes are the credit: how much the reader takes at once.
	Events, Bytes uint64
	// Stream and Handled are what the reader remembers of the exporter's outbox: its identity, and
	// the highest sequence that it has handled. Empty and 0: nothing.
	Stream  string
	Handled uint64
	// Limits are those of an import that is not durable. The exporter sends no more than they let
	// pass, so that a flood costs the reader nothing.
	Limits []HelloLimit
}

// HelloLimit is a token bucket: Burst events at once, and one more each so many nanoseconds.
type HelloLimit struct {
	_            struct{} `cbor:",toarray"`
	Every, Burst uint64
}

// Welcome is what an exporter answers.
type Welcome struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Nonce         ID // the hello's
	Exporter      string
	// MaxPayload is the largest message that the exporter takes and sends, in bytes.
	MaxPayload uint64
	// Imports are the answers to the hello's, in its order.
	Imports []WelcomeImport
	// Release is the version of the exporter's program, for people.
	Release string
	// Time is the exporter's clock when it answers, in nanoseconds since 1970.
	Time int64
}

// WelcomeImport says whether a reader gets what it asked for.
type WelcomeImport struct {
	_    struct{} `cbor:",toarray"`
	Type string
	// Problem says why not, for people, with the remedy; empty if it does.
	Problem string
	// Stream is the identity of the exporter's outbox, and Last its last sequence, if it is
	// durable.
	Stream string
	Last   uint64
}

// Batch is durable events of one type for one reader.
type Batch struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Nonce         ID // the reader's
	Type          string
	Events        []BatchEvent
	// Number counts the batches to the reader; see Answers.Got.
	Number uint64
}

// BatchEvent is one event of a batch.
type BatchEvent struct {
	_ struct{} `cbor:",toarray"`
	// Sequence is its number in the exporter's outbox.
	Sequence uint64
	// Tries is how often it was given to readers of the service before and failed in a way that
	// counts.
	Tries uint64
	// Done are the handlers that have handled it before.
	Done []string
	// Message is the event: see AppendEvent. An event larger than one message comes in parts: all
	// but the last have More set.
	Message []byte
	More    bool
	// From is where in the event the part begins, in bytes.
	From uint64
}

// Verdict is what became of an event at a reader.
type Verdict uint64

// The verdicts.
const (
	// Handled: it is over for this service.
	Handled Verdict = iota
	// Again: a handler failed, and the event is to come again after a time. That counts as a try.
	Again
	// Later is Again for a reason that does not count: nobody tried.
	Later
)

// Answers are what became of events that a reader had in batches.
type Answers struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Nonce         ID
	Answers       []Answer
	// Got is the number of the last batch that the reader has, 0 for none on this link. So an
	// exporter knows how much is on its way, and how fast the link is.
	Got uint64
}

// Answer is what became of one event.
type Answer struct {
	_        struct{} `cbor:",toarray"`
	Type     string
	Sequence uint64
	Verdict  Verdict
	// After is how long the event stays away, in nanoseconds.
	After uint64
	// Done are the handlers that have handled it, those of former times too.
	Done []string
}

// Goodbye says that a reader takes no more, or that an exporter ends. What the reader has under way
// it still answers; after the last answers it says goodbye again. An exporter returns a reader's
// goodbye once it has heard all that the reader said before. So the reader knows when it may close
// the link: what is on its way then may be lost.
type Goodbye struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Nonce         ID
}

// Taken is how many events a reader has taken of those that are exported at most once, said now and
// then. The exporter gives events without a key to the instance that has the fewest on their way.
type Taken struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	Nonce         ID
	Types         []TakenType
}

// TakenType is how many events of a type a reader has taken in a run: see AppendPlace.
type TakenType struct {
	_          struct{} `cbor:",toarray"`
	Type       string
	Run, Count uint64
}

var talkDecoder = newTalkDecoder()

func newTalkDecoder() cbor.DecMode {
	mode, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxArrayElements: MaxTalkImports, MaxNestedLevels: 8, MaxMapPairs: 16}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("wire: talk decoder: %v", err))
	}
	return mode
}

// EncodeTalk encodes a message: a *Hello, *Welcome, *Batch, *Answers, *Goodbye, *Taken, *Keep,
// *Question, *Report, *SignedQuestion, *Paths or *KnownPaths.
func EncodeTalk(message any) ([]byte, error) {
	switch m := message.(type) {
	case *Hello:
		m.Version, m.Kind = TalkVersion, kindHello
	case *Welcome:
		m.Version, m.Kind = TalkVersion, kindWelcome
	case *Batch:
		m.Version, m.Kind = TalkVersion, kindBatch
	case *Answers:
		m.Version, m.Kind = TalkVersion, kindAnswers
	case *Goodbye:
		m.Version, m.Kind = TalkVersion, kindGoodbye
	case *Taken:
		m.Version, m.Kind = TalkVersion, kindTaken
	case *Keep:
		m.Version, m.Kind = TalkVersion, kindKeep
	case *Question:
		m.Version, m.Kind = TalkVersion, kindQuestion
	case *Report:
		m.Version, m.Kind = TalkVersion, kindReport
	case *SignedQuestion:
		m.Version, m.Kind = TalkVersion, kindSignedQuestion
	case *Paths:
		m.Version, m.Kind = TalkVersion, kindPaths
	case *KnownPaths:
		m.Version, m.Kind = TalkVersion, kindKnownPaths
	default:
		return nil, fmt.Errorf("%w: a %T is no message of a talk", ErrInvalid, message)
	}
	return cbor.Marshal(message)
}

// DecodeTalk decodes a message: it returns one of those that EncodeTalk takes. Bytes of it are
// copies. Errors: ErrMalformed, and ErrVersion for one of another version.
func DecodeTalk(data []byte) (any, error) {
	r := reader{data: data}
	if _, err := r.expect(majorArray); err != nil {
		return nil, malformed("talk: %w", err)
	}
	version, err := r.expect(majorUint)
	if err != nil {
		return nil, malformed("talk: version: %w", err)
	}
	if version != TalkVersion {
		return nil, malformed("talk: %w", &OtherVersion{version})
	}
	kind, err := r.expect(majorUint)
	if err != nil {
		return nil, malformed("talk: kind: %w", err)
	}
	if err := CheckLengths(data); err != nil {
		return nil, malformed("talk: %w", err)
	}
	message := messageOf(kind)
	if message == nil {
		return nil, malformed("talk: unknown kind %d", kind)
	}
	if err := talkDecoder.Unmarshal(data, message); err != nil {
		return nil, malformed("talk: %w", err)
	}
	if m, ok := message.(interface{ check() error }); ok {
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	return message, nil
}

// OtherVersion is the error of a message of another version than this node speaks. It is
// ErrVersion.
type OtherVersion struct{ Spoken uint64 }

// Error names both versions, and who is to be upgraded first.
func (o *OtherVersion) Error() string {
	return fmt.Sprintf("%v %d; this node speaks %d: upgrade exporters before their readers", ErrVersion, o.Spoken, TalkVersion)
}

// Is makes it ErrVersion.
func (o *OtherVersion) Is(err error) bool { return err == ErrVersion }

// messageOf makes a message of a kind; nil if there is no such kind.
func messageOf(kind uint64) any {
	switch kind {
	case kindHello:
		return new(Hello)
	case kindWelcome:
		return new(Welcome)
	case kindBatch:
		return new(Batch)
	case kindAnswers:
		return new(Answers)
	case kindGoodbye:
		return new(Goodbye)
	case kindTaken:
		return new(Taken)
	case kindKeep:
		return new(Keep)
	case kindQuestion:
		return new(Question)
	case kindReport:
		return new(Report)
	case kindSignedQuestion:
		return new(SignedQuestion)
	case kindPaths:
		return new(Paths)
	case kindKnownPaths:
		return new(KnownPaths)
	}
	return nil
}

// UnmarshalCBOR decodes a byte string of 16. The library would take a shorter one.
func (id *ID) UnmarshalCBOR(data []byte) error {
	r := reader{data: data}
	if err := r.id(id); err != nil {
		return err
	}
	if r.off != len(data) {
		return fmt.Errorf("%d bytes follow it", len(data)-r.off)
	}
	return nil
}
