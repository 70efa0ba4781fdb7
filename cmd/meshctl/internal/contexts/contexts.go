// Package contexts keeps the meshes that a user of meshctl has named, in a file of the user's own.
// The file names the files of secrets, and has none itself.
package contexts

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"

	"leafmesh/mesh/config"
)

// Book is the contexts of a user.
type Book struct {
	// Current is the name of the one in use; "" for none.
	Current  string    `yaml:"current,omitempty"`
	Contexts []Context `yaml:"contexts"`
}

// Context is a mesh: where to ask, and as whom.
type Context struct {
	Name string `yaml:"name"`
	// Files are node files with a tap.
	Files []config.Path `yaml:"files,omitempty"`
	// Servers are taps at addresses.
	Servers []Server `yaml:"servers,omitempty"`
	// Operator is a file with an operator's seed.
	Operator config.Path `yaml:"operator,omitempty"`
}

// Server is a tap.
type Server struct {
	URL          string      `yaml:"url"`
	User         string      `yaml:"user"`
	PasswordFile config.Path `yaml:"password_file"`
}

// Path is where the file is: meshctl/contexts.yaml in the user's directory for configurations.
func Path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the file of contexts: %w", err)
	}
	return filepath.Join(dir, "meshctl", "contexts.yaml"), nil
}

// Validate checks that names are given once, and that the current one is there.
func (b *Book) Validate() error {
	var problems []error
	for i, c := range b.Contexts {
		field := fmt.Sprintf("contexts[%d].name", i)
		switch {
		case c.Name == "":
			problems = append(problems, &config.FieldError{Field: field, Problem: "a context has no name", Remedy: "name it"})
		case slices.ContainsFunc(b.Contexts[:i], func(other Context) bool { return other.Name == c.Name }):
			problems = append(problems, &config.FieldError{Field: field, Problem: fmt.Sprintf("there is another context %q", c.Name), Remedy: "rename one"})
		}
	}
	if b.Current != "" && b.index(b.Current) < 0 {
		problems = append(problems, &config.FieldError{Field: "current", Problem: fmt.Sprintf("there is no context %q", b.Current), Remedy: "name one that is there"})
	}
	return errors.Join(problems...)
}

func (b *Book) index(name string) int {
	return slices.IndexFunc(b.Contexts, func(c Context) bool { return c.Name == name })
}

// ErrUnknown says that there is no context of a name.
var ErrUnknown = errors.New("there is no such context: meshctl context list shows all")

// Find gives the context of a name; of "" the current one, or nil if there is none.
func (b *Book) Find(name string) (*Context, error) {
	if name == "" && b.Current == "" {
		return nil, nil
	}
	name = cmp.Or(name, b.Current)
	at := b.index(name)
	if at < 0 {
		return nil, fmt.Errorf("context %.80q: %w", name, ErrUnknown)
	}
	return &b.Contexts[at], nil
}

// Add adds a context, which is the current one if it is the first.
func (b *Book) Add(c Context) error {
	if b.index(c.Name) >= 0 {
		return fmt.Errorf("context %.80q is there already: remove it first, or choose another name", c.Name)
	}
	b.Contexts = append(b.Contexts, c)
	if len(b.Contexts) == 1 {
		b.Current = c.Name
	}
	return nil
}

// Use makes a context the current one.
func (b *Book) Use(name string) error {
	if b.index(name) < 0 {
		return fmt.Errorf("context %.80q: %w", name, ErrUnknown)
	}
	b.Current = name
	return nil
}

// Remove removes a context. If it was the current one there is none afterwards.
func (b *Book) Remove(name string) error {
	at := b.index(name)
	if at < 0 {
		return fmt.Errorf("context %.80q: %w", name, ErrUnknown)
	}
	b.Contexts = slices.Delete(b.Contexts, at, at+1)
	if b.Current == name {
		b.Current = ""
	}
	return nil
}

// Load reads the contexts. There need be no file: then there are none.
func Load(path string) (*Book, error) {
	b := &Book{}
	err := config.LoadYAML(path, b)
	if errors.Is(err, fs.ErrNotExist) {
		return &Book{}, nil
	}
	return b, err
}

// Save writes the contexts, whole or not at all, so that only the user can read them.
func (b *Book) Save(path string) (err error) {
	data, err := yaml.Marshal(b)
	if err != nil {
		return fmt.Errorf("save contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save contexts: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".contexts-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("save contexts: %w", err)
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save contexts: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}
