package daemon

import (
	"context"
	"errors"
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

// Load reads a service's configuration as config.LoadYAML does. The file that it gives is for
// [Serve].
func Load[C any, P serviceConfig[C]](path string, into P) (*File, error) {
	var running beside[C]
	if err := config.LoadYAML(path, into, func() (err error) { running, err = besideOf[C, P](*into); return }); err != nil {
		return nil, err
	}
	read := func(check func(*Config, config.Changes) error) (*Config, func(), error) {
		next, own := P(new(C)), running
		err := config.LoadYAML(path, next, func() (err error) {
			if own, err = besideOf[C, P](*next); err != nil {
				return err
			}
			return check(next.common(), append(config.Diff(running.fields, own.fields), running.contents.Diff(own.contents)...))
		})
		return next.common(), func() { running = own }, err
	}
	return &File{path: path, level: into.common().Log.Level, read: read}, nil
}

// beside is what a service's configuration says beside what it says of its node.
type beside[C any] struct {
	fields   C
	contents config.Contents // of what the fields name
}

func besideOf[C any, P serviceConfig[C]](c C) (b beside[C], err error) {
	P(&c).common().Mesh = config.Node{}
	b.fields = c
	b.contents, err = config.ContentsOf(c)
	return b, err
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
			slog.ErrorContext(logs.Each(context.Background()), outcome(err), "node", node.Name(), "error", oneLine(err.Error()))
		}
	}
}

// outcome says what a reload that failed has left behind.
func outcome(err error) string {
	if errors.Is(err, config.ErrNotUndone) {
		return "not reloaded, and not undone: some of the file is in force, start the daemon again"
	}
	return "not reloaded, and nothing has changed"
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
