package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"leafmesh/embedded/cluster"
	"leafmesh/embedded/players"
	"leafmesh/mesh"
)

const usage = `Runs the clue, hunt and score services as three linked nodes in this process.

Usage:
  embedded [play] [flags]     simulated teams play the sample hunt until Ctrl-C
      -for DURATION           stop after this time, 10s for example
      -teams N                how many teams play (default 50)
      -http ADDR              host:port of clue's API; hunt, score and the console take the next three ports; port 0: any free ones
                              (default: where the daemons' configurations say)
      -data DIR               keep the databases here and go on with what is in them (default: a temporary folder)

  embedded replay [flags]     replays a guess log and compares the verdicts
      -log FILE               the log: rows of time,team,puzzle,guess,Y or N
      -speed SPEED            max (default), or a factor of real time: 100
      -json                   print the result as JSON, alone on standard output
      -data DIR               keep the databases here; must be empty or new (default: a temporary folder)
      -clue URL -hunt URL -score URL
                              replay against three running daemons instead, over HTTP

  embedded storm [flags]      floods the nodes with the cascade guard off, then on, and measures a neighbour
      -rate N                 root events a second (default 25)
      -for DURATION           how long each storm lasts, and the quiet time before it (default 5s)
      -sick                   no flood: measure what healthy handlers, keys and emitters keep beside sick ones;
                              -for is then how long each sickness lasts in all, from 400ms
      -json                   print the result as JSON, alone on standard output

  embedded derive [flags]     prints the hunt that a log was played on, as a hunt file
      -log FILE               the log

  embedded version            prints the version, and that of the messages on links

Flags have one dash or two. Ctrl-C stops cleanly, a second one at once.
`

// usageError is something wrong with the arguments.
type usageError struct{ problem string }

// Error gives the problem.
func (e *usageError) Error() string { return e.problem }

func wrongf(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// command is what the arguments ask for.
type command interface {
	run(ctx context.Context, s streams) error
}

// showVersion prints which version of leafmesh this is.
type showVersion struct{}

func (showVersion) run(_ context.Context, s streams) error {
	_, err := fmt.Fprintf(s.out, "embedded %s, wire version %d\n", mesh.Version(), mesh.WireVersion)
	return err
}

// flagged is a command that has flags.
type flagged interface {
	command
	declare(f *flag.FlagSet)
	check() error
}

// parse reads the arguments. Errors: *usageError, and flag.ErrHelp when help is asked for.
func parse(args []string) (command, error) {
	name := "play"
	if len(args) == 1 && strings.TrimLeft(args[0], "-") == "version" {
		args = []string{"version"}
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	var c flagged
	switch name {
	case "play":
		c = &play{}
	case "replay":
		c = &replayLog{}
	case "derive":
		c = &derive{}
	case "storm":
		c = &raiseStorm{}
	case "help":
		return nil, flag.ErrHelp
	case "version":
		return showVersion{}, nil
	default:
		return nil, wrongf("there is no command %q; there are play, replay, derive, storm and version", name)
	}
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard) // Run tells of errors
	c.declare(f)
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, err
	} else if err != nil {
		return nil, wrongf("%s: %v", name, err)
	}
	if f.NArg() > 0 {
		return nil, wrongf("%s: %q is no flag", name, f.Arg(0))
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// maxTeams is how many teams can play: each is a goroutine with a connection or two.
const maxTeams = 1000

func (p *play) declare(f *flag.FlagSet) {
	f.DurationVar(&p.length, "for", 0, "")
	f.IntVar(&p.teams, "teams", 50, "")
	f.StringVar(&p.http, "http", "", "")
	f.StringVar(&p.data, "data", "", "")
	p.think = players.DefaultThink
}

func (p *play) check() error {
	switch {
	case p.teams < 1 || p.teams > maxTeams:
		return wrongf("play: -teams %d is not from 1 to %d", p.teams, maxTeams)
	case p.length < 0:
		return wrongf("play: -for %v is negative", p.length)
	case p.http == "":
		return nil
	}
	all, err := cluster.Addresses(p.http)
	if err == nil {
		_, err = consoleAddress(all[2])
	}
	if err != nil {
		return wrongf("play: -http: %v", err)
	}
	return nil
}

func (r *replayLog) declare(f *flag.FlagSet) {
	f.StringVar(&r.log, "log", "", "")
	f.Var(&r.speed, "speed", "")
	f.BoolVar(&r.json, "json", false, "")
	f.StringVar(&r.data, "data", "", "")
	f.StringVar(&r.clue, "clue", "", "")
	f.StringVar(&r.hunt, "hunt", "", "")
	f.StringVar(&r.score, "score", "", "")
}

func (r *replayLog) check() error {
	given := 0
	for _, url := range []string{r.clue, r.hunt, r.score} {
		if url != "" {
			given++
		}
	}
	switch {
	case r.log == "":
		return wrongf("replay: -log FILE is missing")
	case given != 0 && given != 3:
		return wrongf("replay: give all of -clue, -hunt and -score, or none")
	case given == 3 && r.data != "":
		return wrongf("replay: -data is for nodes in this process; daemons have databases of their own")
	}
	return nil
}

func (d *derive) declare(f *flag.FlagSet) { f.StringVar(&d.log, "log", "", "") }

func (d *derive) check() error {
	if d.log == "" {
		return wrongf("derive: -log FILE is missing")
	}
	return nil
}
