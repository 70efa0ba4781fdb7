package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"leafmesh/configs"
	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/services/clue"
	"leafmesh/services/hunt"
	"leafmesh/services/huntfile"
	"leafmesh/services/score"
)

// The names of the files in package configs.
const (
	clueFile  = "clue.yaml"
	huntFile  = "hunt.yaml"
	scoreFile = "score.yaml"
	sample    = "sample-hunt.yaml"
)

// settings are the services' configurations.
type settings struct {
	clue  clue.Config
	hunt  hunt.Config
	score score.Config
}

// shipped reads the configuration files that ship with the project. They are written to a folder
// first, because config.LoadYAML reads from a path; the folder is gone when shipped returns.
func shipped() (s settings, sampleHunt *huntfile.Hunt, err error) {
	dir, err := os.MkdirTemp("", "leafmesh-configs-")
	if err != nil {
		return s, nil, fmt.Errorf("unpack configuration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := unpack(dir); err != nil {
		return s, nil, fmt.Errorf("unpack configuration: %w", err)
	}
	err = errors.Join(
		load(filepath.Join(dir, clueFile), &s.clue),
		load(filepath.Join(dir, huntFile), &s.hunt),
		load(filepath.Join(dir, scoreFile), &s.score),
	)
	if err != nil {
		return s, nil, err
	}
	sampleHunt, err = huntfile.Load(filepath.Join(dir, sample))
	return s, sampleHunt, err
}

func unpack(dir string) error {
	names, err := fs.Glob(configs.Files, "*.yaml")
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := configs.Files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// load reads one service's configuration. Keys and seeds that the file names are not on this
// machine and not needed: inproc.Open makes its own.
func load(path string, into config.Validator) error {
	var problems []error
	for _, p := range config.FieldErrors(config.LoadYAML(path, into)) {
		if !errors.Is(p, config.ErrSecret) {
			problems = append(problems, p)
		}
	}
	return errors.Join(problems...)
}

// adapt puts the options in the place of what depends on the machine.
func (s *settings) adapt(o Options) error {
	data := mesh.Path(o.Data) // One folder for all three: each names its file after itself.
	s.clue.Data, s.hunt.Data, s.score.Data = data, data, data
	for _, m := range []*mesh.Config{&s.clue.Mesh, &s.hunt.Mesh, &s.score.Mesh} {
		m.Logger = o.Logger
		m.Data = mesh.Path(filepath.Join(o.Data, m.Name))
	}
	s.clue.Mesh.Handlers = append(s.clue.Mesh.Handlers, o.ClueHandlers...)
	switch {
	case o.NoHTTP:
		s.clue.HTTP, s.hunt.HTTP, s.score.HTTP = "", "", ""
	case o.HTTP != "":
		addresses, err := Addresses(o.HTTP)
		if err != nil {
			return err
		}
		s.clue.HTTP, s.hunt.HTTP, s.score.HTTP = addresses[0], addresses[1], addresses[2]
	}
	return nil
}
