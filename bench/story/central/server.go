package central

import (
	"flag"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// Serve is the main function of nats-server itself, which is no package that could be called.
func Serve(arguments []string) error {
	flags := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	options, err := server.ConfigureOptions(flags, arguments, server.PrintServerAndExit, flags.Usage, server.PrintTLSHelpAndDie)
	if err != nil {
		return fmt.Errorf("configure nats-server: %w", err)
	}
	bus, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("make nats-server: %w", err)
	}
	bus.ConfigureLogger()
	if err := server.Run(bus); err != nil {
		return fmt.Errorf("run nats-server: %w", err)
	}
	bus.WaitForShutdown()
	return nil
}
