package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nkeys"

	"leafmesh/cmd/meshctl/internal/contexts"
	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// target says which nodes are asked: those of node files, those at addresses, or those of a
// context.
type target struct {
	File     []string `short:"f" placeholder:"FILE" help:"Ask the node of this file at its tap. Repeat it to ask several."`
	Server   []string `short:"s" placeholder:"URL" help:"Ask the node at this tap, nats://USER:PASSWORD@HOST:PORT. Repeat it to ask several. Others on this machine can read the password in the list of processes: prefer --file, --context, or the variable MESHCTL_SERVER."`
	Context  string   `short:"c" placeholder:"NAME" help:"Ask the mesh of this context (see meshctl context). Without --file, --server, this and MESHCTL_SERVER the current one is asked."`
	Operator string   `placeholder:"FILE" help:"The file of an operator's seed: one tap is asked, and asks all nodes of the mesh."`
}

// serverVariable is the environment variable of a tap.
const serverVariable = "MESHCTL_SERVER"

// place is where a target leads.
type place struct {
	taps     []nodes.Tap
	files    []string // of nodes, of those that were named by one
	operator string   // a file of a seed, or ""
}

// find resolves the target.
func (t target) find() (p place, err error) {
	switch {
	case len(t.File)+len(t.Server) > 0 && t.Context != "":
		return p, errors.New("--context names the nodes to ask, and so do --file and --server: give one of them")
	case len(t.File)+len(t.Server) > 0:
		p, err = tapsOf(t.File, t.Server)
	case t.Context == "" && os.Getenv(serverVariable) != "":
		p, err = tapsOf(nil, []string{os.Getenv(serverVariable)})
	default:
		p, err = inContext(t.Context)
	}
	p.operator = cmp.Or(t.Operator, p.operator)
	return p, cmp.Or(err, p.unusable())
}

// unusable is nil while one of the taps can be asked: the others are reported where they are asked.
func (p place) unusable() error {
	var problems []error
	for _, t := range p.taps {
		if t.Problem == nil {
			return nil
		}
		problems = append(problems, t.Problem)
	}
	return errors.Join(problems...)
}

// mesh gives the nodes to ask. It is to be closed.
func (t target) mesh() (nodes.Mesh, error) {
	p, err := t.find()
	if err != nil {
		return nil, err
	}
	return p.mesh()
}

// mesh gives the nodes to ask. It is to be closed.
func (p place) mesh() (nodes.Mesh, error) {
	if p.operator == "" {
		return nodes.Direct(p.taps), nil
	}
	seed, err := config.Secret{File: p.operator}.Resolve()
	if err != nil {
		return nil, fmt.Errorf("%s: the operator's seed: %w", p.operator, err)
	}
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return nil, fmt.Errorf("%s: it holds no seed, as meshctl key makes one", p.operator) // without the text, which may be a secret
	}
	return nodes.Signed(p.taps, pair), nil
}

func tapsOf(files, servers []string) (p place, err error) {
	for _, file := range files {
		t, err := tapOf(file)
		if err != nil { // the nodes of the other files are asked all the same
			t = nodes.Tap{Name: file, Problem: err}
		}
		p.taps = append(p.taps, t)
		p.files = append(p.files, file)
	}
	for _, server := range servers {
		t, err := tapAt(server)
		if err != nil {
			return p, err
		}
		p.taps = append(p.taps, t)
	}
	return p, nil
}

// inContext gives what a context says; of "" the current one.
func inContext(name string) (p place, err error) {
	path, err := contexts.Path()
	if err != nil {
		return p, err
	}
	book, err := contexts.Load(path)
	if err != nil {
		return p, err
	}
	c, err := book.Find(name)
	if err != nil {
		return p, err
	}
	if c == nil {
		return p, errors.New("no node to ask: give --file with a node's file, or --server with its tap, or name a mesh with meshctl context add")
	}
	var files []string
	for _, f := range c.Files {
		files = append(files, string(f))
	}
	p, _ = tapsOf(files, nil) // an error is one of a server
	for _, s := range c.Servers {
		password, err := config.Secret{File: string(s.PasswordFile)}.Resolve()
		if err != nil {
			err = fmt.Errorf("context %s: the password of %s: %w", c.Name, s.URL, err)
		}
		p.taps = append(p.taps, nodes.Tap{URL: s.URL, User: s.User, Password: password, Problem: err})
	}
	p.operator = string(c.Operator)
	return p, nil
}

// tapAt is the tap at an address with user and password.
func tapAt(server string) (nodes.Tap, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return nodes.Tap{}, errors.New("a server is given as nats://USER:PASSWORD@HOST:PORT") // without the text, which has a password
	}
	password, _ := u.User.Password()
	user := u.User.Username()
	u.User = nil
	return nodes.Tap{URL: u.String(), User: user, Password: password}, nil
}

// tapOf is the tap of a node's file. What else is wrong in the file does not matter here: the node
// may run with what the file said before, and says itself what it does not take.
func tapOf(file string) (nodes.Tap, error) {
	c, problems := readNode(file, file)
	name := c.Name
	for _, p := range problems {
		switch field := strings.TrimPrefix(p.Field, "mesh."); {
		case field == "name":
			name = "" // the node tells its own
		case c.Tap == nil, field == "tap", strings.HasPrefix(field, "tap.") && !errors.Is(p, config.ErrSecret):
			return nodes.Tap{}, p
		}
	}
	if c.Tap == nil {
		return nodes.Tap{}, fmt.Errorf("%s: the node has no tap: set tap, as its comments say", file)
	}
	password, err := c.Tap.Password.Resolve()
	if err != nil {
		return nodes.Tap{}, fmt.Errorf("%s: the tap's password: %w", file, err)
	}
	return nodes.Tap{Name: name, URL: "nats://" + c.Tap.Listen, User: c.Tap.User, Password: password}, nil
}

// nodeOf reads the node's part of a file. Secrets need not be there.
func nodeOf(file string) (mesh.Config, error) { return nodeFor(file, file) }

// nodeFor is nodeOf for a file that is to take the place of another one.
func nodeFor(file, installed string) (mesh.Config, error) {
	c, problems := readNode(file, installed)
	for _, problem := range problems {
		if !errors.Is(problem, config.ErrSecret) {
			return mesh.Config{}, problem
		}
	}
	return c, nil
}

// readNode reads what can be read of the node's part of a file, and gives all that is wrong in it.
func readNode(file, installed string) (mesh.Config, []*config.FieldError) {
	var keys topKeys
	_ = config.LoadYAML(file, &keys) // its errors come again below
	var alone mesh.Config
	var service serviceFile
	var into config.Validator = &alone
	node := &alone
	if _, found := keys.All["mesh"]; found {
		into, node = &service, &service.Mesh
	}
	problems := config.FieldErrors(config.LoadYAMLFor(file, installed, into))
	return *node, problems
}
