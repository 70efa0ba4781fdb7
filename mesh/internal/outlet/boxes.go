package outlet

import (
	"slices"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/readers"
	"leafmesh/mesh/internal/wire"
)

// maxBoxBytes is how large a message of several events may become. Larger ones are no faster, and
// all of one waits for its last event.
const maxBoxBytes = 32 << 10

// placeRoom is what stands before the container of a message at most: see wire.AppendPlace.
const placeRoom = 18

// withheldEach is how often the log says that events for a reader are over its limits.
const withheldEach = int64(30 * time.Second)

// boxes gather the events of a type that wait to be sent, one box for each reader.
type boxes struct {
	env      *Env
	at       *delivery.Subscription
	audience *readers.Audience

	edition uint64            // of the audience
	chosen  []*readers.Reader // who gets the event that is being sent
	short   []bool            // which of them know its path by a number
	all     map[*readers.Reader]*box
	filled  []*box
	message []byte // used again for each message
}

// box is what one reader gets next.
type box struct {
	reader *readers.Reader
	events wire.Container
	of     []cause.Header
	link   uint64 // that the message will go over
}

func newBoxes(env *Env, at *delivery.Subscription) boxes {
	return boxes{env: env, at: at, all: map[*readers.Reader]*box{}}
}

// choose finds who gets an event of a key, and reports whether somebody does.
func (b *boxes) choose(key string) bool {
	if b.audience == nil {
		if b.audience = b.env.Readers.Audience(b.at.Type); b.audience == nil {
			return false // the node is not open yet
		}
	}
	if edition := b.audience.Edition(); edition != b.edition {
		b.flush()
		clear(b.all) // some readers may be gone for good
		b.edition = edition
	}
	b.chosen = b.audience.Choose(key, b.chosen[:0])
	for i := 0; i < len(b.chosen); {
		reader := b.chosen[i]
		switch {
		case b.of(reader).events.Len() > 0: // it was asked for this message
			i++
		case reader.Hears():
			b.of(reader).link = reader.Link()
			i++
		default:
			if instead := b.audience.Instead(reader, key); instead != nil {
				b.chosen[i] = instead
				continue
			}
			b.chosen = append(b.chosen[:i], b.chosen[i+1:]...)
		}
	}
	return len(b.chosen) > 0
}

// number is the number that stands for the path of an event, and says whether some of those that
// were chosen know it, and whether some do not.
func (b *boxes) number(h *cause.Header) (number uint64, some, others bool) {
	number, ok := b.env.Readers.Number(h.Lineage())
	b.short = b.short[:0]
	for _, reader := range b.chosen {
		knows := ok && reader.Knows(number, b.of(reader).link)
		b.short = append(b.short, knows)
		some, others = some || knows, others || !knows
	}
	return number, some, others
}

func (b *boxes) of(reader *readers.Reader) *box {
	mine := b.all[reader]
	if mine == nil {
		mine = &box{reader: reader}
		b.all[reader] = mine
	}
	return mine
}

// put puts an event into the boxes of those that were chosen, in the form that each reads: see
// number. It is counted once, if one of them takes it.
func (b *boxes) put(h *cause.Header, whole, short []byte) {
	taken := false
	for i, reader := range b.chosen {
		event := whole
		if b.short[i] {
			event = short
		}
		mine, largest := b.of(reader), min(reader.Largest(), b.env.MaxPayload)-placeRoom
		if size := wire.ContainerSize(len(event)); size > largest {
			b.at.LostOversize.Pass(h)
			b.env.Log.WarnAbout(h, "event larger than a reader takes", "peer", reader.Name, "bytes", size, "max_payload", largest)
			continue
		}
		if n := mine.events.Len(); n == wire.MaxContainerEvents || n > 0 && mine.events.SizeWith(len(event)) > min(largest, maxBoxBytes) {
			b.send(mine)
		}
		if mine.events.Len() == 0 {
			b.filled = append(b.filled, mine)
		}
		mine.events.Add(event)
		header := cause.Header{}
		if !taken {
			header, taken = *h, true
		}
		mine.of = append(mine.of, header)
	}
}

// withinLimits leaves out those that were chosen whose import would drop the event, and reports
// whether somebody is left.
func (b *boxes) withinLimits(h *cause.Header) bool {
	b.chosen = slices.DeleteFunc(b.chosen, func(reader *readers.Reader) bool {
		over := reader.Limited() && !reader.Allows(b.env.Clock.Now())
		if over {
			b.withhold(reader, h)
		}
		return over
	})
	return len(b.chosen) > 0
}

// withhold drops an event that the limits of a reader's import would drop there.
func (b *boxes) withhold(reader *readers.Reader, h *cause.Header) {
	b.at.ShedReader.Pass(h)
	if now := b.env.Clock.Now(); reader.WithheldAt == 0 || now-reader.WithheldAt > withheldEach {
		reader.WithheldAt = now
		b.env.Log.WarnAbout(h, "events are not sent: they are more than the limits of a reader's import take", "peer", reader.Name)
	}
}

// flush sends all that is in boxes.
func (b *boxes) flush() {
	for _, mine := range b.filled {
		if mine.events.Len() > 0 {
			b.send(mine)
		}
	}
	clear(b.filled)
	b.filled = b.filled[:0]
}

// send sends what is in a box.
func (b *boxes) send(mine *box) {
	if !mine.reader.HasRoom() {
		b.lose(mine)
		return
	}
	run, before := mine.reader.Place()
	b.message = append(wire.AppendPlace(b.message[:0], run, before), mine.events.Bytes()...)
	err := mine.reader.Send(b.message, mine.events.Len())
	if err != nil {
		b.env.Log.Warn("events not sent", "type", b.at.Type, "peer", mine.reader.Name, "events", mine.events.Len(), "error", err)
	}
	for i := range mine.of {
		switch h := &mine.of[i]; {
		case h.ID.IsZero(): // counted at another reader
		case err != nil:
			b.at.LostClosed.PassError(h, err)
		default:
			b.at.Exported.Pass(h)
		}
	}
	mine.empty()
}

// lose counts what a reader does not get that is too far behind.
func (b *boxes) lose(mine *box) {
	b.env.Log.Warn("events for a reader that lags behind are lost", "type", b.at.Type, "peer", mine.reader.Name, "events", mine.events.Len())
	for i := range mine.of {
		if h := &mine.of[i]; h.ID.IsZero() { // another reader got it
			b.at.LostSlow.PassUnknown(1, nil)
		} else {
			b.at.LostSlow.Pass(h)
		}
	}
	mine.empty()
}

func (b *box) empty() {
	b.events.Reset()
	clear(b.of)
	b.of = b.of[:0]
}
