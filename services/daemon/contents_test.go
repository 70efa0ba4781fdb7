package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"leafmesh/mesh/config"
)

// Another content of any secret, and of any file of keys or certificates, that a daemon's
// configuration can name is a change, whoever adds such a field.
func TestNoSecretIsForgotten(t *testing.T) {
	var c Config
	files := fill(t, t.TempDir(), "", reflect.ValueOf(&c).Elem())
	if len(files) < 14 {
		t.Errorf("only %d files: %v", len(files), files)
	}
	before, err := config.ContentsOf(c)
	if err != nil {
		t.Fatal(err)
	}
	for field, path := range files {
		if err := os.WriteFile(path, []byte("another"), 0o600); err != nil {
			t.Fatal(err)
		}
		now, err := config.ContentsOf(c)
		if err != nil {
			t.Fatal(err)
		}
		if changes := before.Diff(now); len(changes) != 1 || changes[0].Field != field {
			t.Errorf("another content of %s: %v", field, changes)
		}
		before = now
	}
	const restart = "mesh.hub.seed mesh.tap.password metrics.token traces.token console.token console.operator"
	for _, field := range strings.Fields(restart) {
		if files[field] == "" {
			t.Errorf("%s is not there", field)
		}
	}
}

// fill gives a file of its own to each secret and path in a value, and one entry to each list. It
// names the files by their fields.
func fill(t *testing.T, folder, field string, v reflect.Value) map[string]string {
	t.Helper()
	files := map[string]string{}
	within := func(field string, v reflect.Value) {
		for name, path := range fill(t, folder, field, v) {
			files[name] = path
		}
	}
	file := func() string {
		path := filepath.Join(folder, strings.NewReplacer("[", "-", "]", "-").Replace(field))
		if err := os.WriteFile(path, []byte(field), 0o600); err != nil {
			t.Fatal(err)
		}
		files[field] = path
		return path
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		within(field, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		name := fmt.Sprint(0)
		if v.Index(0).Kind() == reflect.Struct {
			if f := v.Index(0).FieldByName("Name"); f.IsValid() && f.Kind() == reflect.String {
				name = "a-1"
				f.SetString(name)
			}
		}
		within(field+"["+name+"]", v.Index(0))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[config.Secret]() {
			v.Set(reflect.ValueOf(config.Secret{File: file()}))
			return files
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if name == "-" || !f.IsExported() {
				continue
			}
			within(strings.TrimPrefix(field+"."+name, "."), v.Field(i))
		}
	case reflect.String:
		path := v.Type() == reflect.TypeFor[config.Path]() || strings.HasSuffix(field, "_file")
		if last := field[strings.LastIndexByte(field, '.')+1:]; path && last != "data" && last != "hunt" { // the disk's, and read by the daemon alone
			v.SetString(file())
		}
	}
	return files
}

// A console's token that is replaced in its file is told, and needs a restart: until then the old
// one opens the console.
func TestAReplacedTokenIsTold(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("token", "a token that leaked")
	path := write("score.yaml", "mesh: {name: score-1}\nconsole:\n  listen: 127.0.0.1:0\n  token: {file: token}\ndata: d\nhunt: h\n")
	file, err := Load(path, new(own))
	if err != nil {
		t.Fatal(err)
	}
	write("token", "a token that is secret")
	_, _, err = file.read(func(_ *Config, changes config.Changes) error { return changes.Restarts() })
	const want = ":4: console.token: it cannot change while the node runs: what it held → what it holds now"
	if !errors.Is(err, config.ErrNeedsRestart) || !strings.Contains(err.Error(), want) {
		t.Errorf("error: %v, want %s", err, want)
	}
}
