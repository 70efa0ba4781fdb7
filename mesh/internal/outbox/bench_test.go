package outbox

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// benchSite is one with the intervals of a real one, and room.
func benchSite(b *testing.B, change func(*leaf.Outbox)) *site {
	return newSite(b, func(s *site) {
		s.config.MaxBytes, s.spec.Outbox.MaxBytes = 2<<30, 4<<30
		s.config.Duplicates = DefaultDuplicates
		s.config.tuning = tuning{}
		change(s.spec.Outbox)
	}).open(b)
}

var syncs = map[string]func(*leaf.Outbox){
	"sync=1s":     func(*leaf.Outbox) {},
	"sync=always": func(o *leaf.Outbox) { o.SyncAlways = true },
}

// BenchmarkBesideRaw stores batches of 1,000 messages of 200 bytes through the outbox
// and through jetstream.PublishAsync, into the same stream, in pairs whose order
// alternates. ratio is the median of the pairs' outbox/raw.
func BenchmarkBesideRaw(b *testing.B) {
	for name, change := range syncs {
		b.Run(name, func(b *testing.B) {
			s := benchSite(b, change)
			js, err := jetstream.New(s.conn, jetstream.WithPublishAsyncMaxPending(1024))
			if err != nil {
				b.Fatal(err)
			}
			const batch = 1000
			payload, next := make([]byte, 200), 0
			outbox := func() float64 {
				start := time.Now()
				pending := make([]*Pending, batch)
				for i := range pending {
					next++
					if pending[i], err = s.Store(b.Context(), solved+".t1", id(next), payload); err != nil {
						b.Fatal(err)
					}
				}
				for _, p := range pending {
					if err := p.Wait(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				return batch / time.Since(start).Seconds()
			}
			raw := func() float64 {
				start := time.Now()
				for range batch {
					next++
					id := id(next)
					_, err := js.PublishAsync(solved+".t1", payload, jetstream.WithMsgID(hex.EncodeToString(id[:])), jetstream.WithStallWait(patience))
					if err != nil {
						b.Fatal(err)
					}
				}
				<-js.PublishAsyncComplete()
				return batch / time.Since(start).Seconds()
			}
			var ours, theirs, ratios []float64
			for b.Loop() {
				var o, r float64
				if len(ratios)%2 == 0 {
					o, r = outbox(), raw()
				} else {
					r, o = raw(), outbox()
				}
				ours, theirs, ratios = append(ours, o), append(theirs, r), append(ratios, o/r)
			}
			b.ReportMetric(median(ours), "outbox/s")
			b.ReportMetric(median(theirs), "raw/s")
			b.ReportMetric(median(ratios), "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkOneByOne stores a message and waits for it before the next.
func BenchmarkOneByOne(b *testing.B) {
	for name, change := range syncs {
		b.Run(name, func(b *testing.B) {
			s := benchSite(b, change)
			payload, next := make([]byte, 200), 0
			for b.Loop() {
				next++
				p, err := s.Store(context.Background(), solved+".t1", id(next), payload)
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Wait(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkServe hands events out to a reader that handles them at once: those of a backlog, or as
// they are stored.
func BenchmarkServe(b *testing.B) {
	for _, live := range []bool{false, true} {
		b.Run(map[bool]string{false: "backlog", true: "live"}[live], func(b *testing.B) {
			s := benchSite(b, func(*leaf.Outbox) {})
			p, ended := handlingPeer(b, s, b.N)
			hello := &wire.Hello{Nonce: p.nonce, MaxPayload: 68 << 10, Imports: imports(1024, solved)}
			if live {
				p.say(b, hello)
			}
			pending := make([]*Pending, b.N)
			message := make([]byte, 200)
			for n := range pending {
				var err error
				if pending[n], err = s.Store(b.Context(), solved+".t"+strconv.Itoa(n%500), id(n), message); err != nil {
					b.Fatal(err)
				}
			}
			for _, p := range pending {
				if err := p.Wait(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			if !live {
				b.ResetTimer()
				p.say(b, hello)
			}
			<-ended
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(b.N)/float64(p.messages), "events/message")
		})
	}
}

// handlingPeer is a reader that handles at once what it gets, and tells when it was so many.
func handlingPeer(b *testing.B, s *site, many int) (*peer, <-chan struct{}) {
	p := s.peer("score-1")
	handled, ended := 0, make(chan struct{})
	p.handles(func(batch *wire.Batch) {
		answers := &wire.Answers{Nonce: p.nonce}
		for _, e := range batch.Events {
			answers.Answers = append(answers.Answers, wire.Answer{Type: batch.Type, Sequence: e.Sequence})
		}
		p.say(b, answers)
		if handled += len(batch.Events); handled == many {
			close(ended)
		}
	})
	return p, ended
}
