package servicetest

import (
	"os"
	"path/filepath"
	"testing"

	"leafmesh/mesh/config"
)

// LoadYAML writes a text to a file in a folder of its own and reads it as a service's
// configuration. It returns the folder, which paths in the text are relative to, and the error of
// config.LoadYAML.
func LoadYAML(t testing.TB, text string, into config.Validator) (folder string, err error) {
	t.Helper()
	folder = t.TempDir()
	path := filepath.Join(folder, "service.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder, config.LoadYAML(path, into)
}
