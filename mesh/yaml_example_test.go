package mesh_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// ServiceConfig is what a service's YAML file holds: its own keys, and its
// node's under "mesh".
type ServiceConfig struct {
	HTTP string      `yaml:"http"`
	Data mesh.Path   `yaml:"data"` // Relative to the file.
	Mesh mesh.Config `yaml:"mesh"`
}

// Validate gives the problems of both, each under its key.
func (c ServiceConfig) Validate() error {
	var own error
	if c.Data == "" {
		own = &config.FieldError{Field: "data", Problem: "there is no folder for the database", Remedy: "name one"}
	}
	return errors.Join(own, config.InField("mesh", c.Mesh.Validate()))
}

func ExampleLoadYAML() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file := filepath.Join(folder, "clue.yaml")
	text := `htpp: 127.0.0.1:8080
mesh:
  name: clue-1
  seed: SUA-the-seed-itself
  imports:
    - {event: hunt.clue.unlocked, limit: {rate: 200}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		panic(err)
	}
	for _, problem := range config.FieldErrors(config.LoadYAML(file, &ServiceConfig{})) {
		problem.File = filepath.Base(problem.File)
		fmt.Println(problem)
	}
	// Output:
	// clue.yaml:1: htpp: unknown key; did you mean http?
	// clue.yaml:1: data: there is no folder for the database; name one
	// clue.yaml:4: mesh.seed: a secret may not stand in a YAML file; name the file {file: PATH} or the environment variable {env: NAME} that holds it, and replace this one: it is no longer secret
	// clue.yaml:6: mesh.imports[0].limit.rate: rate "200" is not a positive number with a unit, as in 200/s, 20/min or 3/h
	// clue.yaml:6: mesh.imports[0].event: "hunt.clue.unlocked": no peer of service hunt has a url; add one to the peers, or correct the event's name
}
