package wire

import "fmt"

// containerFields is how many elements a container's array has: the version, the names and the
// events.
const containerFields = 3

// containerBegin is the beginning of each container that this version writes: the array's head, the
// version, and a dictionary without names.
var containerBegin = [...]byte{byte(majorArray)<<5 | containerFields, Version, byte(majorArray) << 5}

// headRoom is what stands before the events at most: a count of them needs three bytes.
const headRoom = len(containerBegin) + 3

// Container builds a message of one or more events, and is used again for the next. The zero value
// has none.
type Container struct {
	// buffer has headRoom bytes for what stands before the events, then these. The head is written
	// last, in its shortest form, and ends where the events begin: so nothing is moved or copied
	// for it.
	buffer []byte
	count  int
}

// Add puts an event, as AppendEvent makes it, behind the others. It copies it. The caller sees to
// the limits: see Len and SizeWith.
func (c *Container) Add(event []byte) {
	c.begin()
	c.buffer = appendString(c.buffer, majorBytes, event)
	c.count++
}

// begin makes room for the head.
func (c *Container) begin() {
	if len(c.buffer) == 0 {
		c.buffer = append(c.buffer, make([]byte, headRoom)...)
	}
}

// Len is how many events there are; a message has at most MaxContainerEvents.
func (c *Container) Len() int { return c.count }

// Size is how many bytes the message has.
func (c *Container) Size() int { return containerSize(max(len(c.buffer)-headRoom, 0), c.count) }

// SizeWith is how many bytes the message has with one more event of so many bytes.
func (c *Container) SizeWith(event int) int {
	return containerSize(max(len(c.buffer)-headRoom, 0)+headBytes(uint64(event))+event, c.count+1)
}

// Bytes is the message, valid until the next change. A container without events is no message that
// anybody takes.
func (c *Container) Bytes() []byte {
	c.begin()
	start := headRoom - headBytes(uint64(c.count)) - len(containerBegin)
	copy(c.buffer[start:], containerBegin[:])
	appendHead(c.buffer[start+len(containerBegin):start+len(containerBegin):headRoom], majorArray, uint64(c.count))
	return c.buffer[start:]
}

// Reset takes all events out. The memory is kept.
func (c *Container) Reset() { c.buffer, c.count = c.buffer[:0], 0 }

// AppendContainer appends the message of some events to dst.
func AppendContainer(dst []byte, events ...[]byte) []byte {
	dst = append(dst, containerBegin[:]...)
	dst = appendHead(dst, majorArray, uint64(len(events)))
	for _, event := range events {
		dst = appendString(dst, majorBytes, event)
	}
	return dst
}

// ContainerSize is how many bytes the message of one event of so many bytes has.
func ContainerSize(event int) int { return containerSize(headBytes(uint64(event))+event, 1) }

// containerSize is how many bytes a container has with so many bytes of events, their heads
// included.
func containerSize(events, count int) int {
	return len(containerBegin) + headBytes(uint64(count)) + events
}

// SplitContainer appends the events of a message to events, undecoded: they alias message. Only the
// container is looked at, so an event that is malformed harms none of the others. It allocates only
// if events has no room. Every error is ErrMalformed, and ErrVersion too for a message of another
// version; events is returned as it was then.
func SplitContainer(message []byte, events [][]byte) ([][]byte, error) {
	split, err := splitContainer(message, events)
	if err != nil {
		return events, malformed("%w", err)
	}
	return split, nil
}

func splitContainer(message []byte, events [][]byte) ([][]byte, error) {
	r := reader{data: message}
	elements, version, err := r.begin()
	if err != nil {
		return nil, err
	}
	if version != Version {
		return nil, versionError(version)
	}
	if elements != containerFields {
		return nil, fmt.Errorf("array of %d elements; version %d has %d", elements, Version, containerFields)
	}
	if err := r.names(); err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	count, err := r.count()
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	for i := range count {
		event, err := r.content(majorBytes, MaxEventBytes)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		events = append(events, event)
	}
	return events, r.end()
}

// begin reads the head of a message, which is an array, and its version, unless the message is too
// large. The version comes first so that a message of another version is named as such, however
// many elements it has.
func (r *reader) begin() (elements, version uint64, err error) {
	if len(r.data) > MaxMessageBytes {
		return 0, 0, fmt.Errorf("it has %d bytes; at most %d are allowed", len(r.data), MaxMessageBytes)
	}
	if elements, err = r.expect(majorArray); err != nil {
		return 0, 0, err
	}
	if elements == 0 {
		return 0, 0, fmt.Errorf("array of 0 elements; want %d", containerFields)
	}
	if version, err = r.expect(majorUint); err != nil {
		return 0, 0, fmt.Errorf("version: %w", err)
	}
	return elements, version, nil
}

func versionError(version uint64) error {
	if version < Version {
		return fmt.Errorf("%w %d; this node reads version %d: upgrade the sender; exporters come before their readers", ErrVersion, version, Version)
	}
	return fmt.Errorf("%w %d; this node reads version %d: upgrade this node", ErrVersion, version, Version)
}

// names reads the dictionary, which is to have no names yet. Whoever would pass over a name would
// take the events that use it for something else.
func (r *reader) names() error {
	names, err := r.expect(majorArray)
	if err != nil {
		return err
	}
	if names > 0 {
		return fmt.Errorf("%d names; version %d has none", names, Version)
	}
	return nil
}

// count reads the head of the events.
func (r *reader) count() (uint64, error) {
	count, err := r.expect(majorArray)
	switch {
	case err != nil:
		return 0, err
	case count == 0:
		return 0, fmt.Errorf("there are none; a message has at least one")
	case count > MaxContainerEvents:
		return 0, fmt.Errorf("there are %d; at most %d are allowed", count, MaxContainerEvents)
	case count > uint64(len(r.data)-r.off): // each has a head
		return 0, fmt.Errorf("%d promised before byte %d, %d bytes left", count, r.off, len(r.data)-r.off)
	}
	return count, nil
}

// end checks that nothing follows.
func (r *reader) end() error {
	if r.off != len(r.data) {
		return fmt.Errorf("%d bytes follow the array", len(r.data)-r.off)
	}
	return nil
}
