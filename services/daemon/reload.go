package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/logs"
)

// hangups get each SIGHUP, from before the configuration is read until the process ends. One that
// comes while the service starts is answered when it runs.
var hangups = make(chan os.Signal, 1)

// File is the file that a daemon was configured by. [Serve] reads it again on SIGHUP, and when an
// operator asks for it.
type File struct {
	path string
	mu   sync.Mutex // held while it is read again

	level slog.Level // guarded by mu: of the log, as the file has it
	// read reads the file, and accept takes what was read as what is in force.
	read func(check func(next *Config, changes config.Changes) error) (next *Config, accept func(), err error)
}

// serviceConfig is a pointer to a service's configuration, in which a [Config] is embedded.
type serviceConfig[C any] interface {
	*C
	config.Validator
	common() *Config
}

func (c *Config) common() *Config { return c }

// Load reads a service's configuration as config.LoadYAML does. The file that it gives is for [Serve].
func Load[C any, P serviceConfig[C]](path string, into P) (*File, error) {
	if err := config.LoadYAML(path, into); err != nil {
		return nil, err
	}
	running := *into
	read := func(check func(*Config, config.Changes) error) (*Config, func(), error) {
		next := P(new(C))
		err := config.LoadYAML(path, next, func() error { return check(next.common(), beside[C, P](running, *next)) })
		return next.common(), func() { running = *next }, err
	}
	return &File{path: path, level: into.common().Log.Level, read: read}, nil
}

// beside are the differences between two configurations of a service beside those of its node.
func beside[C any, P serviceConfig[C]](old, next C) config.Changes {
	P(&old).common().Mesh, P(&next).common().Mesh = config.Node{}, config.Node{}
	return config.Diff(old, next)
}

// reload reads the file again and gives the node and the log what it says, or only tells what that
// would change. It changes all or nothing.
func (f *File) reload(ctx context.Context, node *mesh.Node, dryRun bool) (changes config.Changes, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next, accept, err := f.read(func(next *Config, own config.Changes) error {
		ofNode, err := node.Compare(next.Mesh)
		if err != nil {
			return config.InField("mesh", err)
		}
		if changes = append(ofNode.Under("mesh"), own...); dryRun {
			return nil
		}
		return changes.Restarts()
	})
	if err != nil || dryRun {
		return changes, err
	}
	if _, err := node.Reload(ctx, next.Mesh); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	accept()
	if quieter := next.Log.Level > f.level; quieter { // else nobody would read it
		f.tell(node, changes)
		next.Log.Apply()
	} else {
		next.Log.Apply()
		f.tell(node, changes)
	}
	f.level = next.Log.Level
	return changes, nil
}

// tell logs what changed.
func (f *File) tell(node *mesh.Node, changes config.Changes) {
	each := logs.Each(context.Background())
	if len(changes) == 0 {
		slog.InfoContext(each, "the file was read again, and says nothing new", "node", node.Name(), "file", f.path)
		return
	}
	slog.InfoContext(each, "reloaded", "node", node.Name(), "file", f.path, "changes", oneLine(changes.String()))
}

// follow reloads on each SIGHUP until ctx ends. The nil File is none: a SIGHUP does nothing then.
func (f *File) follow(ctx context.Context, node *mesh.Node) {
	for {
		select {
		case <-hangups:
		case <-ctx.Done():
			return
		}
		if f == nil {
			continue
		}
		if _, err := f.reload(ctx, node, false); err != nil {
			slog.ErrorContext(logs.Each(context.Background()), "not reloaded, and nothing has changed", "node", node.Name(), "error", oneLine(err.Error()))
		}
	}
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
