package part

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"leafmesh/bench/story/cascade"
)

// Process is one that the story has started.
type Process struct {
	name    string
	command *exec.Cmd
	input   io.WriteCloser
	orders  *gob.Encoder
	answers *gob.Decoder
	lines   atomic.Int64
	first   atomic.Pointer[string] // line since the count began anew
	logged  chan struct{}          // closed when the log has ended
}

// Start starts this program as a part: a service, or the bus with its arguments.
func Start(ctx context.Context, what, name string, arguments ...string) (*Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p := &Process{name: name, command: exec.CommandContext(ctx, program, arguments...), logged: make(chan struct{})}
	p.command.Env = append(os.Environ(), Variable+"="+what)
	log, err := p.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.input, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.orders, p.answers = gob.NewEncoder(p.input), gob.NewDecoder(output)
	go p.countLines(log)
	return p, nil
}

func (p *Process) countLines(log io.Reader) {
	defer close(p.logged)
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			p.lines.Add(1)
			p.first.CompareAndSwap(nil, &line)
		}
		if err != nil {
			return
		}
	}
}

// Lines is how many lines the log has since Forget, and the first of them.
func (p *Process) Lines() (lines int64, first string) {
	if line := p.first.Load(); line != nil {
		first = *line
	}
	return p.lines.Load(), first
}

// Forget begins to count the log's lines anew: what a start says is not the run's.
func (p *Process) Forget() {
	p.lines.Store(0)
	p.first.Store(nil)
}

// Assign tells a service what to be. Await says when it is.
func (p *Process) Assign(a Assignment) error {
	if err := p.orders.Encode(a); err != nil {
		return fmt.Errorf("tell %s what to be: %w", p.name, err)
	}
	return nil
}

// Await waits for the answer to an assignment. The process ends when ctx does.
func (p *Process) Await(ctx context.Context) error {
	kill := context.AfterFunc(ctx, func() { _ = p.command.Process.Kill() }) // it may have ended
	defer kill()
	_, err := p.hear()
	return err
}

func (p *Process) hear() (a answer, err error) {
	if err := p.answers.Decode(&a); err != nil {
		_, first := p.Lines()
		return a, fmt.Errorf("hear %s, whose log says %q: %w", p.name, first, err)
	}
	if a.Problem != "" {
		return a, fmt.Errorf("%s: %s", p.name, a.Problem)
	}
	return a, nil
}

func (p *Process) ask(o order) (answer, error) {
	if err := p.orders.Encode(o); err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", p.name, err)
	}
	return p.hear()
}

// Emit lets the process begin to bring in all roots.
func (p *Process) Emit(rate int) error {
	_, err := p.ask(order{What: emit, Rate: rate})
	return err
}

// Effects is how many effects the process saw, and whether it still brings in roots.
func (p *Process) Effects() (seen int64, emitting bool, err error) {
	a, err := p.ask(order{What: count})
	return a.Total, a.Emitting, err
}

// Vitals is what the process takes, and whether it still brings in roots.
func (p *Process) Vitals() (v Vitals, emitting bool, err error) {
	a, err := p.ask(order{What: vital})
	return a.Vitals, a.Emitting, err
}

// Report is the process' account, how late its latest root came in, and what it knows to be lost.
func (p *Process) Report() (r cascade.Report, late time.Duration, losses []string, err error) {
	a, err := p.ask(order{What: report})
	return a.Report, a.Late, a.Losses, err
}

// endTimeout is how long a process may take to end by itself.
const endTimeout = 5 * time.Second

// Stop ends a service: by the end of its input, and after a while by force.
func (p *Process) Stop() error {
	err := p.input.Close()
	force := time.AfterFunc(endTimeout, func() { _ = p.command.Process.Kill() })
	defer force.Stop()
	return errors.Join(err, p.wait())
}

// Kill ends a process by force: the bus, which has no input.
func (p *Process) Kill() error {
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.name, err)
	}
	return p.wait()
}

// wait waits for the end. How the process ended is of no interest: what counts was asked before.
func (p *Process) wait() error {
	<-p.logged
	var exit *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("wait for %s: %w", p.name, err)
	}
	return nil
}
