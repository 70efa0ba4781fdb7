package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/mesh/console"
	"leafmesh/mesh/door"
)

type consoleCommand struct {
	target
	Listen string `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where this machine serves it to you. Port 0 takes any free one."`
}

// Help is shown by meshctl console --help.
func (consoleCommand) Help() string {
	return `It prints an address to open in a browser on this machine: once, within two minutes. Whatever the page
asks, the operator's key signs, and each node looks what its own file lets that operator do. The key
stays in this process. Ctrl-C ends it. Without an operator each node is asked at its own tap, by the
tap's password; whoever has that may change the node, and so may the page.

  meshctl console -f configs/clue.yaml -f configs/score.yaml
  meshctl console --operator keys/anna.nk -f configs/clue.yaml
  meshctl console -c home`
}

// closeTimeout bounds the end of the console's server.
const closeTimeout = 5 * time.Second

// Run serves the console until ctx ends.
func (c consoleCommand) Run(ctx context.Context, out output) (err error) {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	everywhere := &console.Everywhere{Mesh: asked{m}}
	shown := console.New(console.Options{Source: everywhere, Changer: everywhere, Private: true})
	server, err := door.Serve(door.Config{Listen: c.Listen}, shown)
	if err != nil {
		shown.Close()
		return fmt.Errorf("serve the console: %w", err)
	}
	server.OnClose(shown.Close)
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, server.Close(closing))
	}()
	if _, err := fmt.Fprintln(out.results, server.URL()+shown.Invite()); err != nil {
		return err
	}
	fmt.Fprintln(out.problems, "Open this address in a browser on this machine, within two minutes. Ctrl-C ends the console.")
	<-ctx.Done()
	return nil
}

// asked is the mesh of a target, as a console asks it.
type asked struct{ nodes.Mesh }

// Ask implements console.Mesh.
func (a asked) Ask(ctx context.Context, question string, body []byte) (answers []console.Answer[json.RawMessage]) {
	for _, one := range a.Mesh.Ask(ctx, question, body) {
		answers = append(answers, answerOf(one))
	}
	return answers
}

// AskOne implements console.Mesh.
func (a asked) AskOne(ctx context.Context, node, question string, body []byte) console.Answer[json.RawMessage] {
	return answerOf(a.Mesh.AskOne(ctx, node, question, body))
}

func answerOf(a nodes.Answer) console.Answer[json.RawMessage] {
	return console.Answer[json.RawMessage]{Node: a.Node, Value: a.Data, Err: a.Err}
}
