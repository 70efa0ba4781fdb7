package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// templates are the files of a service. The ending keeps Go from compiling them here.
//
//go:embed templates/*.tmpl
var templates embed.FS

const templateSuffix = ".tmpl"

// nodeTemplate becomes the node file, which has the node's name.
const nodeTemplate = "node.yaml"

// keysFolder has the node's secrets. Git does not take them.
const keysFolder = "keys"

// writeFolders writes a folder for each service. On an error none is left behind.
func writeFolders(services []*newService) (err error) {
	var made []string
	defer func() {
		if err != nil {
			for _, folder := range made {
				err = errors.Join(err, os.RemoveAll(folder))
			}
		}
	}()
	for _, s := range services {
		// Mkdir fails for whatever has this name already, so all in the folder is ours.
		err := os.Mkdir(s.Name, 0o755)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists and is not overwritten; choose another name, or move it away", s.Name)
		}
		if err != nil {
			return fmt.Errorf("make the folder of a service: %w", err)
		}
		made = append(made, s.Name)
		if err := writeService(s); err != nil {
			return fmt.Errorf("write service %s: %w", s.Name, err)
		}
	}
	return nil
}

// writeService fills the folder of a service.
func writeService(s *newService) error {
	files, err := render(s)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.Name, name), text, 0o644); err != nil {
			return err
		}
	}
	keys := filepath.Join(s.Name, keysFolder)
	if err := os.Mkdir(keys, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(keys, ".gitignore"), []byte("# Secrets.\n*.nk\n*.tap\n"), 0o644); err != nil {
		return err
	}
	node := filepath.Join(keys, s.Node())
	return errors.Join(keyCommand{File: node + seedSuffix}.Run(output{results: io.Discard, problems: io.Discard}),
		passwordCommand{File: node + ".tap"}.Run(output{results: io.Discard, problems: io.Discard}))
}

// render returns the text of a service's files by their names.
func render(s *newService) (map[string][]byte, error) {
	all, err := template.ParseFS(templates, "templates/*"+templateSuffix)
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	files := map[string][]byte{}
	for _, t := range all.Templates() {
		var text bytes.Buffer
		if err := t.Execute(&text, s); err != nil {
			return nil, fmt.Errorf("fill in a template: %w", err)
		}
		name := strings.TrimSuffix(t.Name(), templateSuffix)
		if name == nodeTemplate {
			name = s.Node() + ".yaml"
		}
		files[name] = text.Bytes()
	}
	return files, nil
}
