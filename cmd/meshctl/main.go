// Command meshctl is the operator's tool for a mesh: it shows what the nodes do and why something
// happened, changes limits, cuts and dead letters while they run, reads and emits events, and makes
// and checks the files of nodes.
//
// Exit codes: 0 done, and nothing found; 1 it could not be done, in part or at all, or problems
// were found; 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"leafmesh/mesh"
)

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

const description = `See what the nodes of a mesh do, find out why something happened, and change what they do while they run.

First steps:
  meshctl context add home -f configs/clue.yaml -f configs/hunt.yaml -f configs/score.yaml
  meshctl doctor
  meshctl top

Exit codes: 0 done, and nothing found; 1 it could not be done, in part or at all, or problems were found; 2 wrong usage.`

// commands is the grammar of the command line.
type commands struct {
	Doctor  doctorCommand  `cmd:"" group:"look" help:"Look for what is not well in a mesh, or in node files, with the remedies."`
	Nodes   nodesCommand   `cmd:"" group:"look" help:"List the nodes: version, up since, health, clock."`
	Links   linksCommand   `cmd:"" group:"look" help:"List the links between nodes, and why one is down."`
	Top     topCommand     `cmd:"" group:"look" help:"Watch what happens now: types, handlers, what rules stop."`
	Console consoleCommand `cmd:"" group:"look" help:"Serve a page to a browser here: the mesh live, its limits, cuts and letters."`
	Graph   graphCommand   `cmd:"" group:"look" help:"Draw which event types lead to which."`
	Why     whyCommand     `cmd:"" group:"look" help:"Explain an event: the cascade as a tree, and what went wrong in it."`
	Letters lettersCommand `cmd:"" group:"look" help:"List the dead letters that nodes keep: where they came from, and why they were given up."`

	Retrying retryingCommand `cmd:"" group:"look" help:"List the events that handlers failed and will get again."`

	Limits  limitsCommand  `cmd:"" group:"change" help:"List and change the rules that limit events."`
	Cut     cutCommand     `cmd:"" group:"change" help:"Keep events of a type from a handler, or in their node."`
	Restore restoreCommand `cmd:"" group:"change" help:"Undo cut."`

	Reload reloadCommand `cmd:"" group:"change" help:"Have a node read its file again, or print what that would change."`

	Tap    tapCommand    `cmd:"" group:"events" help:"Print events as they come."`
	Emit   emitCommand   `cmd:"" group:"events" help:"Emit an event, and print what became of it."`
	Decode decodeCommand `cmd:"" group:"events" help:"Print CBOR as JSON or in diagnostic notation."`

	Key      keyCommand      `cmd:"" group:"files" help:"Make the key of a node or of an operator: a secret seed and a public key."`
	Password passwordCommand `cmd:"" group:"files" help:"Make the password of a tap."`
	Check    checkCommand    `cmd:"" group:"files" help:"Check node files and report every problem in them."`
	Diff     diffCommand     `cmd:"" group:"files" help:"Compare two node files, and say what needs a restart."`
	Hub      hubCommand      `cmd:"" group:"files" help:"Write the configuration of a hub, where nodes meet that have no direct link."`
	New      newCommand      `cmd:"" group:"files" help:"Write services that run, with keys, node files and tests."`

	Version kong.VersionFlag `help:"Print the version, and that of the messages on links, and exit."`

	Context    contextCommand    `cmd:"" group:"tool" help:"Name meshes, so that no command needs to be told where they are."`
	Completion completionCommand `cmd:"" group:"tool" help:"Print what makes a shell complete the words of meshctl."`
	Complete   completeCommand   `cmd:"" hidden:"" help:"List what the last word may become."`
}

// groups order the commands in the help.
var groups = map[string]string{
	"look":   "See what happens",
	"change": "Change what happens",
	"events": "Read and emit events",
	"files":  "Keys and files",
	"tool":   "This tool",
}

// input is where a command reads what it is given.
type input struct{ io.Reader }

// output is where a command writes: results, and what went wrong.
type output struct {
	results, problems io.Writer
	terminal          bool // a person reads the results, on a screen that knows colours and positions
}

// errReported ends a command that has already said what is wrong.
var errReported = errors.New("problems were found")

func main() {
	// The first signal ends a command in good order, the second one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	out := output{os.Stdout, os.Stderr, isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("TERM") != "dumb"}
	os.Exit(run(ctx, os.Args[1:], input{os.Stdin}, out))
}

// run runs the command line and gives the exit code.
func run(ctx context.Context, args []string, in input, out output) int {
	helped := false
	parser, err := newParser(out, func() { helped = true })
	if err != nil {
		return report(out.problems, exitFailure, err)
	}
	command, err := parser.Parse(args)
	switch {
	case helped:
		return exitOK
	case err != nil:
		return report(out.problems, exitUsage, fmt.Errorf("%w (see meshctl --help)", err))
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(in, out, parser); err != nil {
		return report(out.problems, exitFailure, err)
	}
	return exitOK
}

// newParser makes the parser; helped is called when it has printed help.
func newParser(out output, helped func()) (*kong.Kong, error) {
	return kong.New(&commands{}, kong.Name("meshctl"), kong.Description(description), kong.ExplicitGroups(ordered()),
		kong.Writers(out.results, out.problems),
		kong.Vars{"version": "meshctl " + mesh.Version() + ", wire version " + strconv.Itoa(mesh.WireVersion)},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(int) { helped() })) // Help and version end the parsing, not the process.
}

// ordered gives the groups in the order in which the help has them.
func ordered() (list []kong.Group) {
	for _, key := range []string{"look", "change", "events", "files", "tool"} {
		list = append(list, kong.Group{Key: key, Title: groups[key] + ":"})
	}
	return list
}

// report writes an error, but for one that is written already.
func report(stderr io.Writer, code int, err error) int {
	if !errors.Is(err, errReported) {
		// There is nowhere left to say that this failed.
		_, _ = fmt.Fprintf(stderr, "meshctl: %v\n", err)
	}
	return code
}
