package part

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/bench/story/cascade"
)

// Variable makes this program a part of the story. Its value is what it is to be: Service or Bus.
const (
	Variable = "LEAFMESH_STORY_PART"
	Service  = "service"
	Bus      = "bus"
)

// Side carries the cascade in one process.
type Side interface {
	// Emit brings in a root, and returns when it is taken.
	Emit(ctx context.Context, f cascade.Fact) error
	// Losses names what is known to be lost.
	Losses() []string
	Close(ctx context.Context) error
}

// Open makes a service's part of a side.
type Open func(ctx context.Context, a Assignment, account *cascade.Account) (Side, error)

// Serve is a service's process. It ends with its input.
func Serve(ctx context.Context, in io.Reader, out io.Writer, open Open) error {
	orders, answers := gob.NewDecoder(in), gob.NewEncoder(out)
	var a Assignment
	if err := orders.Decode(&a); err != nil {
		return fmt.Errorf("read what to be: %w", err)
	}
	account := cascade.NewAccount(a.Roots)
	opening, cancel := context.WithTimeout(ctx, a.Within)
	side, err := open(opening, a, account)
	cancel()
	if err != nil {
		return errors.Join(err, answers.Encode(answer{Problem: err.Error()}))
	}
	s := server{side: side, account: account, roots: a.Roots}
	err = s.answer(ctx, orders, answers)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, side.Close(closing))
}

// closeTimeout is how long a part may take to close; what is still under way then is given up.
const closeTimeout = 2 * time.Second

type server struct {
	side     Side
	account  *cascade.Account
	roots    int
	emitting atomic.Bool
	late     time.Duration // how late the latest root came in; read when nothing is emitted any more
}

func (s *server) answer(ctx context.Context, orders *gob.Decoder, answers *gob.Encoder) error {
	if err := answers.Encode(answer{}); err != nil {
		return err
	}
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		a := answer{Total: s.account.Total(), Emitting: s.emitting.Load()}
		switch o.What {
		case emit:
			s.emitting.Store(true)
			go s.emitAll(ctx, o.Rate)
		case vital:
			a.Vitals = readVitals()
		case report:
			a.Report, a.Losses = s.account.Report(), s.side.Losses()
			if !a.Emitting {
				a.Late = s.late
			}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// emitAll brings in the roots, evenly. Each has a goroutine of its own, as a request to an HTTP
// server has: one that waits holds up no other. A root's time begins when it comes in.
func (s *server) emitAll(ctx context.Context, rate int) {
	defer s.emitting.Store(false)
	var waiting sync.WaitGroup
	pace := newPace(rate)
	for root := range s.roots {
		s.late = max(s.late, pace.wait(root))
		s.account.Begin(uint32(root))
		waiting.Go(func() {
			if err := s.side.Emit(ctx, cascade.Root(uint32(root), time.Now().UnixMilli())); err != nil {
				s.account.Fail(uint32(root))
			}
		})
	}
	waiting.Wait()
}
