package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/bench/story/cascade"
	"leafmesh/bench/story/central"
	"leafmesh/bench/story/part"
)

// The two sides, and the second as one process.
const (
	bus      = "bus"
	leafmesh = "leafmesh"
	together = "leafmesh, one process"
)

// trial is one side at one rate.
type trial struct {
	Side string `json:"side"`
	Line string `json:"line"`
	Rate int    `json:"rate"` // roots a second
	Bad  bool   `json:"bad_handler"`
	cascade.Result
	// LogLines are those of all processes while the trial ran; FirstLine is one of them.
	LogLines  int64    `json:"log_lines"`
	FirstLine string   `json:"first_line,omitempty"`
	Losses    []string `json:"losses,omitempty"` // by name, where the side names them
	// Late is how late the latest root came in: others took the processors from whoever emits.
	Late time.Duration `json:"late_ns"`
}

// startTimeout is how long the processes of a trial may take to be ready.
const startTimeout = 30 * time.Second

// answerTimeout is how much later a process may say that it was not ready in time.
const answerTimeout = 5 * time.Second

// startLogs is how long what a start logs may come after the processes are ready: a link tells both
// of its ends.
const startLogs = time.Second

// stage is the processes of a trial.
type stage struct {
	folder    string
	processes []*part.Process // the bus last, if there is one
	services  int
}

// measure runs one trial on processes of its own.
func measure(ctx context.Context, t trial, line part.Line, length time.Duration) (_ trial, err error) {
	roots := int(float64(t.Rate) * length.Seconds())
	a := part.Assignment{Side: t.Side, Line: line, Roots: roots, BadRoot: -1}
	if t.Bad {
		a.BadRoot = int64(roots / 4)
	}
	s := &stage{}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx, a); err != nil {
		return t, fmt.Errorf("%s, line %s, %d roots a second: %w", t.Side, t.Line, t.Rate, err)
	}
	if err := s.processes[0].Emit(t.Rate); err != nil {
		return t, err
	}
	if err := s.settle(ctx, int64(roots)*cascade.Effects, length); err != nil {
		return t, err
	}
	return t, s.report(&t)
}

// open starts all processes, and waits until they are ready. They live as long as ctx.
func (s *stage) open(ctx context.Context, a part.Assignment) (err error) {
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if s.folder, err = os.MkdirTemp("", "story"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	a.Folder, a.Within = s.folder, startTimeout
	var server *part.Process
	if a.Side == bus {
		if server, a.BusURL, err = s.openBus(ctx, starting, a.Line); err != nil {
			return errors.Join(err, stop(server))
		}
	} else if a.Nodes, err = nodes(); err != nil {
		return err
	}
	services := cascade.Services
	if a.Side == together {
		services = []string{together}
	}
	for _, a.Service = range services {
		p, err := part.Start(ctx, part.Service, a.Service)
		if err != nil {
			return errors.Join(err, stop(server))
		}
		s.processes = append(s.processes, p)
		if err := p.Assign(a); err != nil {
			return errors.Join(err, stop(server))
		}
	}
	s.services = len(s.processes)
	if server != nil {
		s.processes = append(s.processes, server)
	}
	if err := s.await(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(startLogs):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, p := range s.processes {
		p.Forget()
	}
	return nil
}

// await waits until all services are ready. One that cannot be ends the wait for the others, which
// may wait for it; one that does not even say so ends it, too.
func (s *stage) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout+answerTimeout)
	defer cancel()
	problems := make(chan error, s.services)
	for _, p := range s.processes[:s.services] {
		go func() { problems <- p.Await(ctx) }()
	}
	var first error
	for range s.services {
		if err := <-problems; err != nil && first == nil {
			first = err
			cancel() // which ends the others, so that nobody reads from them when they are closed
		}
	}
	return first
}

// stop ends the bus, where there is one, before it is one of the stage's processes.
func stop(p *part.Process) error {
	if p == nil {
		return nil
	}
	return p.Kill()
}

// openBus starts a stock nats-server and makes its stream.
func (s *stage) openBus(ctx, starting context.Context, line part.Line) (*part.Process, string, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", err
	}
	server, err := part.Start(ctx, part.Bus, bus, "-a", host, "-p", port, "-js", "-sd", s.folder)
	if err != nil {
		return nil, "", err
	}
	url := "nats://" + address
	return server, url, central.MakeStream(starting, url, line.Kept)
}

// nodes finds an address and makes a key for each service's node.
func nodes() (map[string]part.Node, error) {
	all := make(map[string]part.Node)
	for _, service := range cascade.Services {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		pair, err := nkeys.CreateUser()
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		seed, err := pair.Seed()
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		key, err := pair.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		all[service] = part.Node{Address: address, Seed: string(seed), Key: key}
	}
	return all, nil
}

// freeAddress is one that nobody listened at just now.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

const (
	// lookEvery is how often the story asks how far the services are: rarely, as each answer costs
	// them time.
	lookEvery = 100 * time.Millisecond
	// stillFor is how long nothing moves before what is missing counts as lost.
	stillFor = 2 * time.Second
)

// settle waits until all roots came in, and then until all effects were seen, nothing moves any
// more, or the patience is over. A backlog so has as long as the run itself to drain.
func (s *stage) settle(ctx context.Context, want int64, patience time.Duration) error {
	last, moved, before := time.Now(), time.Now(), int64(-1) // last: when roots still came in
	for {
		seen, emitting := int64(0), false
		for _, p := range s.processes[:s.services] {
			n, more, err := p.Effects()
			if err != nil {
				return err
			}
			seen, emitting = seen+n, emitting || more
		}
		now := time.Now()
		if emitting {
			last = now
		}
		if seen != before || emitting {
			before, moved = seen, now
		}
		if seen >= want || now.Sub(last) > max(patience, stillFor) || now.Sub(moved) > stillFor {
			return nil
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *stage) report(t *trial) error {
	end := time.Now()
	var reports []cascade.Report
	for _, p := range s.processes[:s.services] {
		r, late, losses, err := p.Report()
		if err != nil {
			return err
		}
		reports, t.Losses, t.Late = append(reports, r), append(t.Losses, losses...), max(t.Late, late)
	}
	t.Result = cascade.Merge(reports, end)
	for _, p := range s.processes {
		lines, first := p.Lines()
		t.LogLines += lines
		if t.FirstLine == "" {
			t.FirstLine = first
		}
	}
	return nil
}

func (s *stage) close() (err error) {
	for i, p := range s.processes {
		if i < s.services {
			err = errors.Join(err, p.Stop())
		} else {
			err = errors.Join(err, p.Kill())
		}
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}
