package outbox

import "fmt"

// Writable says why the outbox takes no new messages, as of the last look, at most about a second
// ago: ErrDisk, with the folder and what failed there, or ErrFull. Nil: it takes some. It asks
// nobody.
func (o *Outbox) Writable() error {
	s, c, disk := o.Stats(), o.config, o.diskError()
	switch {
	case disk != nil:
		return disk
	case o.overAge.Load():
		return fmt.Errorf("%w: the oldest message waits for longer than %v", ErrFull, c.MaxAge)
	case c.MaxMessages > 0 && s.Events >= uint64(c.MaxMessages):
		return fmt.Errorf("%w: it has %d events, at most %d are allowed", ErrFull, s.Events, c.MaxMessages)
	case s.Bytes+uint64(c.MaxPayload) > uint64(c.MaxBytes):
		return fmt.Errorf("%w: it has %d bytes of %d, and no room for a message of %d", ErrFull, s.Bytes, c.MaxBytes, c.MaxPayload)
	}
	return nil
}
