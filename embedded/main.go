package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	program "leafmesh/services/daemon"
)

// streams are where a command writes.
type streams struct {
	out io.Writer // what was asked for
	err io.Writer // what is said about it
}

func main() {
	program.LetGarbageWait()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		stop() // From here on a signal has its usual effect: it ends the process at once.
		fmt.Fprintln(os.Stderr, "stopping; once more exits at once")
	})
	// Servers and nodes tell what goes wrong, and nothing of what goes well.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	os.Exit(Run(ctx, os.Args[1:], streams{out: os.Stdout, err: os.Stderr}))
}

// Run runs a command with its arguments until it is done or ctx ends, and returns the exit status:
// 0, 1 when the command failed, 2 when the arguments are wrong. Errors are on s.err.
func Run(ctx context.Context, args []string, s streams) int {
	command, err := parse(args)
	var wrong *usageError
	switch {
	case errors.As(err, &wrong):
		fmt.Fprintf(s.err, "embedded: %v (-help lists the flags)\n", wrong)
		return 2
	case err != nil: // -help
		fmt.Fprint(s.out, usage)
		return 0
	}
	if err := command.run(ctx, s); err != nil {
		fmt.Fprintf(s.err, "embedded: %v\n", err)
		return 1
	}
	return 0
}
