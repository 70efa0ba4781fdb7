package wire

// Version is the version of the format that this package writes, and the only one that it reads
// from links. What was stored may be of version 1: see DecodeStored.
const Version = 2

// Limits, in bytes unless the name says otherwise. Encoding and decoding apply the same ones.
const (
	// MaxMessageBytes is the hard cap on a message, all its events together: 1 MiB, the default
	// max_payload of nats-server. A message over a peer's max_payload would close the whole link.
	// Nodes set lower limits of their own.
	MaxMessageBytes = 1 << 20

	// MaxContainerEvents is the cap on the events of one message.
	MaxContainerEvents = 256

	// MaxEventBytes is the cap on an event, envelope and payload together: the largest that a
	// message has room for.
	MaxEventBytes = MaxMessageBytes - 9

	// RoomForEnvelope is more than a message of one event has besides its payload: a key and a path
	// of the longest names, and the other fields.
	RoomForEnvelope = 8 << 10

	// MaxKeyBytes is the cap on a key before escaping. Its token is at most three times as long, so
	// a wire subject has at most 128+1+3*1024 = 3,201 bytes: under the 4,096 that nats-server
	// allows for a protocol line.
	MaxKeyBytes = 1024

	// MaxPathSteps is the cap on the steps of a path, so an event's depth is at most 31.
	MaxPathSteps = 32

	// MaxLinkPaths and MaxLinkPathBytes bound the dictionary of an exporter: how many paths it may
	// give numbers, and how many bytes their steps have in all.
	MaxLinkPaths     = 1 << 12
	MaxLinkPathBytes = 1 << 20

	// maxNumber is the largest number of a path.
	maxNumber = 1<<32 - 1

	// MaxSubjectBytes is the cap on an event subject, its two dots included.
	MaxSubjectBytes = 128

	// MaxNodeBytes is the cap on a node's name.
	MaxNodeBytes = 64

	// MaxNesting is how many arrays and maps may stand inside each other in a payload, the
	// outermost counted.
	MaxNesting = 16

	// MaxArrayElements is the cap on the elements of any one array in a payload.
	MaxArrayElements = 4096

	// MaxMapPairs is the cap on the pairs of any one map in a payload.
	MaxMapPairs = 4096
)
