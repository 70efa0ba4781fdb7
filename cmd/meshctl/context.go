package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"leafmesh/cmd/meshctl/internal/contexts"
	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/config"
)

type contextCommand struct {
	Add  contextAdd  `cmd:"" help:"Name a mesh."`
	List contextList `cmd:"" help:"List the contexts."`
	Use  contextUse  `cmd:"" help:"Make a context the current one."`
	Rm   contextRm   `cmd:"" help:"Remove a context."`
}

// Help is shown by meshctl context --help.
func (contextCommand) Help() string {
	return `A context is a mesh with a name: where its nodes are asked, and as whom. They stand in
meshctl/contexts.yaml in the user's directory for configurations (~/.config), mode 0600. There
are no secrets in it, but names of files that have some.

  meshctl context add home -f configs/clue.yaml -f configs/score.yaml
  meshctl context use home`
}

type contextAdd struct {
	Name         string   `arg:"" help:"What to call it."`
	File         []string `short:"f" placeholder:"FILE" help:"A node file with a tap. Repeat it for several nodes."`
	Server       string   `short:"s" placeholder:"URL" help:"A tap, nats://USER@HOST:PORT, without its password."`
	PasswordFile string   `placeholder:"FILE" help:"The file with the password of the tap."`
	Operator     string   `placeholder:"FILE" help:"The file of an operator's seed: one tap is asked, and asks all nodes."`
}

// Help is shown by meshctl context add --help.
func (contextAdd) Help() string {
	return `The first context becomes the current one.

  meshctl context add home -f configs/clue.yaml -f configs/hunt.yaml -f configs/score.yaml
  meshctl context add production -s nats://operator@127.0.0.1:4221 --password-file clue-1.tap --operator anna.nk`
}

// Run adds the context. Nothing is asked: the mesh need not run.
func (c contextAdd) Run() error {
	added := contexts.Context{Name: c.Name}
	for _, file := range c.File {
		if _, err := tapOf(file); err != nil && !errors.Is(err, config.ErrSecret) {
			return err
		}
		path, err := filepath.Abs(file)
		if err != nil {
			return fmt.Errorf("find %s: %w", file, err)
		}
		added.Files = append(added.Files, config.Path(path))
	}
	if c.Server != "" {
		server, err := c.server()
		if err != nil {
			return err
		}
		added.Servers = []contexts.Server{server}
	}
	switch {
	case len(added.Files)+len(added.Servers) == 0:
		return errors.New("a context needs a node to ask: give --file with a node's file, or --server with its tap")
	case c.Server == "" && c.PasswordFile != "":
		return errors.New("--password-file is the password of a --server, and there is none")
	}
	if c.Operator != "" {
		path, err := filepath.Abs(c.Operator)
		if err != nil {
			return fmt.Errorf("find %s: %w", c.Operator, err)
		}
		added.Operator = config.Path(path)
	}
	return change(func(b *contexts.Book) error { return b.Add(added) })
}

// server reads the tap, which names the file of its password.
func (c contextAdd) server() (s contexts.Server, err error) {
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" || u.User.Username() == "" {
		return s, errors.New("a server of a context is given as nats://USER@HOST:PORT")
	}
	if _, given := u.User.Password(); given {
		return s, errors.New("a password does not go into the file of contexts: put it into a file of mode 0600, and name that with --password-file")
	}
	if c.PasswordFile == "" {
		return s, errors.New("name the file with the tap's password with --password-file")
	}
	s.User, u.User = u.User.Username(), nil
	path, err := filepath.Abs(c.PasswordFile)
	if err != nil {
		return s, fmt.Errorf("find %s: %w", c.PasswordFile, err)
	}
	s.URL, s.PasswordFile = u.String(), config.Path(path)
	return s, nil
}

// change changes the file of contexts.
func change(how func(*contexts.Book) error) error {
	path, err := contexts.Path()
	if err != nil {
		return err
	}
	book, err := contexts.Load(path)
	if err != nil {
		return err
	}
	if err := how(book); err != nil {
		return err
	}
	return book.Save(path)
}

type contextList struct{ printed }

// Help is shown by meshctl context list --help.
func (contextList) Help() string {
	return "The current one is marked with a star.\n\n  meshctl context list"
}

// contextRow is a context in a list.
type contextRow struct {
	Name     string   `json:"name"`
	Current  bool     `json:"current"`
	Files    []string `json:"files,omitempty"`
	Servers  []string `json:"servers,omitempty"`
	Operator string   `json:"operator,omitempty"`
}

// Run lists the contexts.
func (c contextList) Run(out output) error {
	path, err := contexts.Path()
	if err != nil {
		return err
	}
	book, err := contexts.Load(path)
	if err != nil {
		return err
	}
	rows := []contextRow{}
	for _, c := range book.Contexts {
		row := contextRow{Name: c.Name, Current: c.Name == book.Current, Operator: string(c.Operator)}
		for _, f := range c.Files {
			row.Files = append(row.Files, string(f))
		}
		for _, s := range c.Servers {
			row.Servers = append(row.Servers, nodes.Tap{URL: s.URL}.Title())
		}
		rows = append(rows, row)
	}
	return c.Output.Write(out.results, rows, func() show.Table {
		t := show.Table{Head: []string{"", "NAME", "ASKED AT", "OPERATOR"}, None: "No contexts: meshctl context add makes one."}
		for _, r := range rows {
			mark := map[bool]string{true: "*"}[r.Current]
			t.Add(mark, r.Name, strings.Join(slices.Concat(r.Files, r.Servers), ", "), cmp.Or(r.Operator, "none"))
		}
		return t
	})
}

type contextUse struct {
	Name string `arg:"" name:"mesh" help:"Which."`
}

// Help is shown by meshctl context use --help.
func (contextUse) Help() string { return "  meshctl context use production" }

// Run makes a context the current one.
func (c contextUse) Run() error {
	return change(func(b *contexts.Book) error { return b.Use(c.Name) })
}

type contextRm struct {
	Name string `arg:"" name:"mesh" help:"Which."`
}

// Help is shown by meshctl context rm --help.
func (contextRm) Help() string {
	return "The files that it names stay.\n\n  meshctl context rm production"
}

// Run removes a context.
func (c contextRm) Run() error {
	return change(func(b *contexts.Book) error { return b.Remove(c.Name) })
}
