// Command meshctl is the operator's tool for a mesh: it makes the keys that
// nodes know each other by, checks node files before they are used, explains why
// something happened, and lists dead letters.
//
// Exit codes: 0 done; 1 it could not be done, or a file has problems; 2 wrong
// usage.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

const description = `Make keys for the nodes of a mesh, check their configuration, and ask why something happened and what was given up.

Exit codes: 0 done; 1 it could not be done, or a file has problems; 2 wrong usage.`

// commands is the grammar of the command line.
type commands struct {
	Key      keyCommand      `cmd:"" help:"Make the key of a node: a secret seed and a public key."`
	Password passwordCommand `cmd:"" help:"Make the password of a tap."`
	Check    checkCommand    `cmd:"" help:"Check node files and report every problem in them."`
	Hub      hubCommand      `cmd:"" help:"Write the configuration of a hub, where nodes meet that have no direct link."`
	Why      whyCommand      `cmd:"" help:"Explain an event: the cascade as a tree, and what went wrong in it."`
	Letters  lettersCommand  `cmd:"" help:"List the durable dead letters: where they came from, and why they were given up."`
	New      newCommand      `cmd:"" help:"Write services that run, with keys, node files and tests."`
}

// output is where a command writes: results, and what went wrong.
type output struct{ results, problems io.Writer }

// errReported ends a command that has already said what is wrong.
var errReported = errors.New("problems were found")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs the command line and gives the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	helped := false
	parser, err := kong.New(&commands{}, kong.Name("meshctl"), kong.Description(description),
		kong.Writers(stdout, stderr), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(int) { helped = true })) // Help ends the parsing, not the process.
	if err != nil {
		return report(stderr, exitFailure, err)
	}
	command, err := parser.Parse(args)
	switch {
	case helped:
		return exitOK
	case err != nil:
		return report(stderr, exitUsage, fmt.Errorf("%w (see meshctl --help)", err))
	}
	if err := command.Run(output{stdout, stderr}); err != nil {
		return report(stderr, exitFailure, err)
	}
	return exitOK
}

// report writes an error, but for one that is written already.
func report(stderr io.Writer, code int, err error) int {
	if !errors.Is(err, errReported) {
		// There is nowhere left to say that this failed.
		_, _ = fmt.Fprintf(stderr, "meshctl: %v\n", err)
	}
	return code
}
