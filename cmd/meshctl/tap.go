package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// taps says which nodes are asked: those of node files, and those at addresses.
type taps struct {
	File   []string `short:"f" placeholder:"FILE" help:"Ask the node of this file at its tap. Repeat it to ask several."`
	Server []string `short:"s" placeholder:"URL" env:"MESHCTL_SERVER" help:"Ask the node at this tap, nats://USER:PASSWORD@HOST:PORT. Repeat it to ask several. Others on this machine can read the password in the list of processes: prefer --file, or MESHCTL_SERVER."`
}

// tap is where a node is asked.
type tap struct {
	name           string // of the node, or its address
	url            string
	user, password string
}

// all resolves the taps.
func (t taps) all() (list []tap, err error) {
	for _, file := range t.File {
		c, err := nodeOf(file)
		if err != nil {
			return nil, err
		}
		if c.Tap == nil {
			return nil, fmt.Errorf("%s: the node has no tap: set tap, as its comments say", file)
		}
		password, err := c.Tap.Password.Resolve()
		if err != nil {
			return nil, fmt.Errorf("%s: the tap's password: %w", file, err)
		}
		list = append(list, tap{c.Name, "nats://" + c.Tap.Listen, c.Tap.User, password})
	}
	for _, server := range t.Server {
		u, err := url.Parse(server)
		if err != nil || u.Host == "" {
			return nil, errors.New("a server is given as nats://USER:PASSWORD@HOST:PORT") // without the text, which has a password
		}
		password, _ := u.User.Password()
		user := u.User.Username()
		u.User = nil
		list = append(list, tap{u.String(), u.String(), user, password})
	}
	if len(list) == 0 {
		return nil, errors.New("no node to ask: give --file with a node's file, or --server with its tap")
	}
	return list, nil
}

// nodeOf reads the node's part of a file. Secrets need not be there.
func nodeOf(file string) (mesh.Config, error) {
	var keys topKeys
	_ = config.LoadYAML(file, &keys) // its errors come again below
	var alone mesh.Config
	var service serviceFile
	var into config.Validator = &alone
	node := &alone
	if _, found := keys.All["mesh"]; found {
		into, node = &service, &service.Mesh
	}
	for _, problem := range config.FieldErrors(config.LoadYAML(file, into)) {
		if !errors.Is(problem, config.ErrSecret) {
			return mesh.Config{}, problem
		}
	}
	return *node, nil
}

const (
	// answerWait is how long a node may take for an answer.
	answerWait = 5 * time.Second
	// serviceError is the header of an answer that is an error.
	serviceError = "Nats-Service-Error"
)

// connect opens a connection to the node.
func (t tap) connect() (*nats.Conn, error) {
	conn, err := nats.Connect(t.url, nats.UserInfo(t.user, t.password), nats.Name("meshctl"), nats.Timeout(answerWait), nats.MaxReconnects(0))
	if err != nil {
		return nil, fmt.Errorf("could not be asked at %s: %w", t.url, err)
	}
	return conn, nil
}

// ask asks one question.
func ask(conn *nats.Conn, subject, data string, into any) error {
	m, err := conn.Request(subject, []byte(data), answerWait)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return errors.New("it does not answer operators: it runs an older version, or is closing")
	case err != nil:
		return fmt.Errorf("no answer: %w", err)
	case m.Header.Get(serviceError) != "":
		return errors.New(m.Header.Get(serviceError))
	}
	if err := json.Unmarshal(m.Data, into); err != nil {
		return fmt.Errorf("an answer that can not be read: %w", err)
	}
	return nil
}
