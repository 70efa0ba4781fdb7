//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"leafmesh/embedded/guesslog/testlog"
	"leafmesh/mesh"
)

// TestRollout replays a log against three daemons while their operator works on them: each changes
// its key, a node comes and goes, files are bad, and daemons are killed; all by changed files and
// SIGHUP. In the end the services must hold exactly what the log says, and no durable event may be
// counted as lost.
func TestRollout(t *testing.T) {
	t.Parallel()
	programs, log, lasts := build(t), testlog.Small(t), 8*time.Second
	if extended() {
		all := testlog.All(t)
		log, lasts = all[len(all)-1], 5*time.Minute
	}
	tr := newTrial(t, programs, log, direct)
	o := &operations{t: t, trial: tr, random: random(t), until: time.Now().Add(lasts)}
	tr.run(t, lasts, o.run)
	t.Logf("%d reloads, %d keys changed, %d times a node came and went, which got %d events, %d bad files, %d kills",
		o.reloads, o.keys, o.visits, o.seen.Load(), o.bad, o.kills)
	if o.keys < 3 || o.visits < 1 || o.bad < 1 || o.kills < 1 || o.seen.Load() == 0 {
		t.Error("not all was done")
	}
	for _, d := range tr.fleet.daemons {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
		lines, _ := d.log.since(0)
		for _, line := range lines {
			if strings.Contains(line, "events that did not arrive") && !strings.Contains(line, "score.leaderboard.changed") {
				t.Errorf("%s: %s", d.name, line)
			}
		}
	}
}

// operations are what an operator does to the three daemons. One goroutine uses them.
type operations struct {
	t      *testing.T
	trial  *trial
	random *rand.Rand
	until  time.Time

	reloads, keys, visits, bad, kills int
	seen                              atomic.Int64 // events that the node got that comes and goes
}

// run does all in turn, once at least, until the time is over.
func (o *operations) run(ctx context.Context) error {
	for round := 0; ctx.Err() == nil && (round == 0 || time.Now().Before(o.until)); round++ {
		if err := errors.Join(o.visit(ctx), o.badFile(ctx)); err != nil { // first, while events come for certain
			return err
		}
		for i := range o.trial.fleet.daemons {
			if err := errors.Join(o.changeKey(ctx, i, round), o.kill(ctx)); err != nil {
				return err
			}
		}
	}
	return nil
}

// changeKey gives a node another key, as docs/operations.md says.
func (o *operations) changeKey(ctx context.Context, which, round int) error {
	node := services[which] + "-1"
	next := fmt.Sprintf("%s-%d", node, round+1)
	writeKeys(o.t, o.trial.fleet.dir, next)
	o.trial.note("%s gets key %d", node, round+1)
	for i := range services {
		err := error(nil)
		if i != which {
			err = o.reload(ctx, i, func(c map[string]any) { entryOf(c, node)["next_key_file"] = next + ".pub" })
		}
		if err != nil {
			return err
		}
	}
	if err := o.reload(ctx, which, func(c map[string]any) { c["seed"] = map[string]any{"file": next + ".seed"} }); err != nil {
		return err
	}
	pause(ctx, between(o.random, 0, 200*time.Millisecond))
	for i := range services {
		err := error(nil)
		if i != which {
			err = o.reload(ctx, i, func(c map[string]any) {
				entryOf(c, node)["key_file"] = next + ".pub"
				delete(entryOf(c, node), "next_key_file")
			})
		}
		if err != nil {
			return err
		}
	}
	o.keys++
	return nil
}

// visit adds a node that imports from score, waits until it got an event, stops it and removes it.
func (o *operations) visit(ctx context.Context) error {
	dir, score := o.trial.fleet.dir, slices.Index(services, "score")
	if _, err := os.Stat(filepath.Join(dir, "board-1.pub")); err != nil {
		writeKeys(o.t, dir, "board-1")
	}
	o.trial.note("board-1 comes")
	var address, key string
	err := o.reload(ctx, score, func(c map[string]any) {
		c["peers"] = append(c["peers"].([]any), map[string]any{"name": "board-1", "key_file": "board-1.pub", "may_import": []any{"score.leaderboard.changed"}})
		address, key = c["listen"].(string), strings.TrimSuffix(c["seed"].(map[string]any)["file"].(string), ".seed")+".pub"
	})
	if err != nil {
		return err
	}
	node, err := mesh.Open(ctx, mesh.Config{Name: "board-1", Seed: mesh.Secret{File: filepath.Join(dir, "board-1.seed")},
		Peers:    []mesh.Peer{{Name: "score-1", URL: "nats-leaf://" + address, KeyFile: filepath.Join(dir, key)}},
		Imports:  []mesh.Import{{Event: "score.leaderboard.changed"}},
		Handlers: []mesh.Handler{mesh.HandleAll("score.>", "watch", func(context.Context, mesh.Any) error { o.seen.Add(1); return nil })}})
	if err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = node.Ready(ready)
	for before, end := o.seen.Load(), time.Now().Add(2*time.Second); err == nil && o.seen.Load() == before && time.Now().Before(end); {
		pause(ctx, 10*time.Millisecond)
	}
	o.trial.note("board-1 goes")
	err = errors.Join(err, node.Close(ready), o.reload(ctx, score, func(c map[string]any) {
		c["peers"] = slices.DeleteFunc(c["peers"].([]any), func(p any) bool { return p.(map[string]any)["name"] == "board-1" })
	}))
	o.visits++
	return err
}

// badFile gives a daemon a file that is wrong in one place, and then the right one again.
func (o *operations) badFile(ctx context.Context) error {
	which := o.random.IntN(len(services))
	path := filepath.Join(o.trial.fleet.dir, services[which]+".yaml")
	good, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	o.trial.note("%s gets a bad file", services[which])
	bad := strings.Replace(string(good), "listen:", "lisen:", 1)
	if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
		return err
	}
	o.bad++
	return errors.Join(o.hangup(ctx, which, `msg="not reloaded, and nothing has changed".*mesh.lisen: unknown key`),
		os.WriteFile(path, good, 0o600), o.hangup(ctx, which, `msg="the file was read again, and says nothing new"`))
}

// kill kills a daemon, and starts it again.
func (o *operations) kill(ctx context.Context) error {
	victim := o.trial.fleet.daemons[o.random.IntN(len(services))]
	o.trial.note("%s killed", victim.name)
	if err := victim.kill(); err != nil {
		return err
	}
	pause(ctx, between(o.random, 0, 300*time.Millisecond))
	if err := victim.start(); err != nil {
		return err
	}
	o.kills++
	return victim.says(ctx, "msg=serving", victim.begin)
}

// reload changes the node's part of a daemon's file, and waits until the daemon has taken it.
func (o *operations) reload(ctx context.Context, which int, change func(node map[string]any)) error {
	path := filepath.Join(o.trial.fleet.dir, services[which]+".yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return err
	}
	change(file["mesh"].(map[string]any))
	if text, err = yaml.Marshal(file); err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	o.reloads++
	return o.hangup(ctx, which, "msg=reloaded")
}

// hangup sends a daemon a SIGHUP, and waits for what it says.
func (o *operations) hangup(ctx context.Context, which int, want string) error {
	d := o.trial.fleet.daemons[which]
	from := d.log.len()
	if err := d.process.Process.Signal(syscall.SIGHUP); err != nil {
		return fmt.Errorf("hang up %s: %w", d.name, err)
	}
	return d.says(ctx, want, from)
}

// says waits for a line of the log, from a line on.
func (d *daemon) says(ctx context.Context, pattern string, from int) error {
	timeout := time.After(patience)
	for expression := regexp.MustCompile(pattern); ; {
		lines, changed := d.log.since(from)
		if slices.ContainsFunc(lines, expression.MatchString) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-d.ended:
			return fmt.Errorf("%s ended before %q: %v", d.name, pattern, d.status)
		case <-timeout:
			return fmt.Errorf("%s does not say %q, but\n%s", d.name, pattern, d.log.tail(10))
		}
	}
}

// entryOf is the entry of a peer in a node's file.
func entryOf(node map[string]any, name string) map[string]any {
	for _, p := range node["peers"].([]any) {
		if peer := p.(map[string]any); peer["name"] == name {
			return peer
		}
	}
	return map[string]any{}
}
