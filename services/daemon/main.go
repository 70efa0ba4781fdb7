package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"leafmesh/mesh"
)

// Run does a daemon's work with the configuration file at config. It returns when ctx has ended (on
// a signal) and all is closed, with nil, or when it failed.
type Run func(ctx context.Context, config string) error

// flags are the same for all daemons.
type flags struct {
	Config    string           `help:"Configuration file (YAML)." default:"${config}" type:"path" placeholder:"FILE"`
	LogLevel  *slog.Level      `help:"Least level to log: debug, info, warn or error. Default: log.level of the file." placeholder:"LEVEL"`
	LogFormat string           `help:"Form of the log on standard error: text or json." enum:"text,json" default:"text"`
	Version   kong.VersionFlag `help:"Print the version, and that of the messages on links, and exit."`
}

// Main runs the daemon of the given name, "scored" for example, and exits the process: with status
// 0 after a clean end, 2 for wrong flags, and when run failed with 78 if it never will start as
// things are, 75 if it may the next time, and else 1; the error is on standard error. The default
// configuration file is configs/<name without the d at its end>.yaml.
//
// SIGINT and SIGTERM end run's context; a second one ends the process at once. SIGHUP has the file
// read again: see [Serve]. slog's default logger writes to standard error.
func Main(name string, run Run) {
	LetGarbageWait()
	os.Exit(execute(name, os.Args[1:], os.Stdout, os.Stderr, run))
}

// execute is Main without the process: it returns the exit status.
func execute(name string, args []string, stdout, stderr io.Writer, run Run) int {
	var f flags
	exit := exitStatus(-1)
	parser, err := kong.New(&f,
		kong.Name(name),
		kong.Description("Runs one node of the "+service(name)+" service. Stops cleanly on SIGINT and SIGTERM."),
		kong.Vars{"config": "configs/" + service(name) + ".yaml", "version": fmt.Sprintf("%s %s, wire version %d", name, mesh.Version(), mesh.WireVersion)},
		kong.Writers(stdout, stderr),
		kong.Exit(exit.set),
	)
	if err != nil {
		panic(err) // the flags struct itself is wrong
	}
	_, err = parser.Parse(args)
	if exit >= 0 { // --help or --version has printed what was asked for
		return int(exit)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v (see %s --help)\n", name, err, name)
		return statusUsage
	}
	log := newLog(f, stderr)
	defer closeLog(log, name, stderr)
	slog.SetDefault(slog.New(log))
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from here on a signal has its usual effect
	if err := run(ctx, f.Config); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return statusOf(err)
	}
	return 0
}

// exitStatus remembers the first status that kong would exit with.
type exitStatus int

func (e *exitStatus) set(status int) {
	if *e < 0 {
		*e = exitStatus(status)
	}
}

// service is the name of the daemon's service.
func service(name string) string { return strings.TrimSuffix(name, "d") }
