package daemon

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"leafmesh/mesh/config"
	"leafmesh/mesh/logs"
)

// LogConfig says how grave a line must be to be logged.
type LogConfig struct {
	// Level is that of all packages but those of Packages. The zero value is info.
	Level slog.Level `yaml:"level" reload:"live" remedy:"give debug, info, warn or error"`
	// Packages have levels of their own, by the last word of the path: leaf, outbox.
	Packages map[string]slog.Level `yaml:"packages" reload:"live" remedy:"give debug, info, warn or error"`
}

// packages are those that log.
var packages = []string{"archive", "changes", "console", "daemon", "httpapi", "inlet", "leaf", "mesh", "neighbours", "operations", "outbox", "outlet", "peering", "readers", "score", "storage",
	"traces", "transact"}

// Validate gives every problem, joined, each a *config.FieldError; nil for none.
func (c LogConfig) Validate() error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(c.Packages)) {
		if !slices.Contains(packages, name) {
			problems = append(problems, &config.FieldError{Field: "packages." + name, Problem: "no package of this name logs",
				Remedy: "give one of " + strings.Join(packages, ", ")})
		}
	}
	return errors.Join(problems...)
}

// logging is the process's, as slog's default logger is.
var logging struct {
	levels logs.Levels
	flag   *slog.Level // --log-level; nil: it was not given
}

// Apply sets the levels of the process's log, also while it runs. --log-level on the command line
// takes the place of Level.
func (c LogConfig) Apply() {
	level := c.Level
	if logging.flag != nil {
		level = *logging.flag
	}
	logging.levels.Set(level, c.Packages)
}

// newLog makes the process's log as the flags say.
func newLog(f flags, w io.Writer) *logs.Handler {
	logging.flag = f.LogLevel
	LogConfig{}.Apply() // until the file is read
	options := &slog.HandlerOptions{Level: logs.All}
	var lines slog.Handler = slog.NewTextHandler(w, options)
	if f.LogFormat == "json" {
		lines = slog.NewJSONHandler(w, options)
	}
	return logs.New(lines, &logging.levels)
}

// closeLog writes what the log has counted.
func closeLog(h *logs.Handler, name string, stderr io.Writer) {
	if err := h.Close(); err != nil {
		fmt.Fprintf(stderr, "%s: close the log: %v\n", name, err)
	}
}
