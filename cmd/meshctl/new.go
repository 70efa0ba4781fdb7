package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

type newCommand struct {
	Service newServiceCommand `cmd:"" help:"Write a service that stands alone."`
	Mesh    newMeshCommand    `cmd:"" help:"Write several services, each of which imports from the one before it."`
}

type newServiceCommand struct {
	Name string `arg:"" help:"Name of the service: letters a-z, digits and dashes. Its folder gets this name."`
	Port int    `placeholder:"PORT" help:"Port of the tap. Default: the first one from 7411 after those that node files in folders here name."`
}

// Help is shown by meshctl new service --help.
func (newServiceCommand) Help() string {
	return `The folder NAME gets a program, a test of it, a node file and keys. The current folder must be in a Go
module that can import leafmesh. Nothing is overwritten.

  meshctl new service shipping`
}

// Run writes the service.
func (c newServiceCommand) Run(out output) error { return writeServices(out, c.Port, []string{c.Name}) }

type newMeshCommand struct {
	Names []string `arg:"" help:"Names of the services, in the order in which events pass them."`
	Port  int      `placeholder:"PORT" help:"Port of the first node; a node has two. Default: the first one from 7411 after those that node files in folders here name."`
}

// Help is shown by meshctl new mesh --help.
func (newMeshCommand) Help() string {
	return `Each service gets a folder with a program, a test of it, a node file and keys. The first service
begins a task each second; each of the others imports what the one before it has done. The current
folder must be in a Go module that can import leafmesh. Nothing is overwritten.

  meshctl new mesh orders billing shipping`
}

// Run writes the services.
func (c newMeshCommand) Run(out output) error { return writeServices(out, c.Port, c.Names) }

// firstPort is where the ports of new nodes begin. It is beyond those of the sample hunt.
const firstPort = 7411

// newService is what the templates are told of a service.
type newService struct {
	Name          string      // "porter"
	Before, After *newService // the service that it imports from, and the one that imports from it
	Port          int         // of the links; the tap has the next one
}

// Node is the name of the service's only instance.
func (s newService) Node() string { return s.Name + "-1" }

// TapPort is the port of the node's tap.
func (s newService) TapPort() int { return s.Port + 1 }

// plan chains services. A port of 0 takes the first free one.
func plan(names []string, port int) ([]*newService, error) {
	if port == 0 {
		port = freePort()
	}
	if last := port + 2*len(names) - 1; port < 1 || last > 65535 {
		return nil, fmt.Errorf("the ports %d to %d are out of range: choose --port from 1 to %d", port, last, 65536-2*len(names))
	}
	var services []*newService
	for i, name := range names {
		if err := checkServiceName(name); err != nil {
			return nil, err
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%q is there twice: give each service a name of its own", name)
		}
		s := &newService{Name: name, Port: port + 2*i}
		if i > 0 {
			s.Before, services[i-1].After = services[i-1], s
		}
		services = append(services, s)
	}
	return services, nil
}

// checkServiceName reports what a node, or Go for a folder, would not take as a name.
func checkServiceName(name string) error {
	if name == "vendor" || name == "testdata" {
		return fmt.Errorf("%q cannot name a service: Go keeps folders of this name for itself; choose another", name)
	}
	for _, p := range config.FieldErrors(mesh.Config{Name: name + "-1"}.Validate()) {
		return fmt.Errorf("%.60q cannot name a service: %s; %s", name, p.Problem, p.Remedy)
	}
	return nil
}

// portOfNode finds the ports in a node file.
var portOfNode = regexp.MustCompile(`127\.0\.0\.1:(\d{1,5})`)

// freePort is the port after the highest that a node file in a folder here names. Whether something
// listens there now was not asked: nodes that are not running would get the same ports twice.
func freePort() int {
	port := firstPort
	files, _ := filepath.Glob("*/*.yaml") // the pattern is well-formed
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a port that is taken shows when the node opens
		}
		for _, match := range portOfNode.FindAllSubmatch(text, -1) {
			if taken, err := strconv.Atoi(string(match[1])); err == nil && taken >= port {
				port = taken + 1
			}
		}
	}
	return port
}

// needModule reports that Go would not run what is written here.
func needModule() error {
	folder, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the current folder: %w", err)
	}
	for {
		_, err := os.Stat(filepath.Join(folder, "go.mod"))
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look for go.mod: %w", err)
		case folder == filepath.Dir(folder):
			return errors.New("there is no go.mod here or above, so Go would not run the service; make a module first, as docs/first-two-services.md of leafmesh shows")
		}
		folder = filepath.Dir(folder)
	}
}

// writeServices writes services into new folders here and says how to run them.
func writeServices(out output, port int, names []string) error {
	services, err := plan(names, port)
	if err != nil {
		return err
	}
	if err := needModule(); err != nil {
		return err
	}
	if err := writeFolders(services); err != nil {
		return err
	}
	said := "Run each in a terminal of its own, and end it with Ctrl-C:\n\n"
	if len(services) == 1 {
		said = "Run it, and end it with Ctrl-C:\n\n"
	}
	for _, s := range services {
		said += "  go run ./" + s.Name + "\n"
	}
	_, err = fmt.Fprintf(out.results, "%s\nTest: go test ./%s\n", said, strings.Join(names, " ./"))
	return err
}
