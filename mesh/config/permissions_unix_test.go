//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh/internal/configtest"
)

// A password is for its owner, and at most to be read by a group.
func TestAttackPasswordsThatOthersMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clue-1.tap")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, remedy := range map[os.FileMode]string{0o600: "", 0o400: "", 0o640: "", 0o620: "chmod g-w ", 0o644: "chmod 600 ", 0o602: "chmod 600 "} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Secret{File: path}.Resolve()
		if remedy == "" && err != nil || remedy != "" && (err == nil || !strings.Contains(err.Error(), remedy+path)) {
			t.Errorf("mode %o: %v, want %q", mode, err, remedy)
		}
	}
}

// A secret is for its owner, and at most to be read by a group. A public key may be read by all,
// and written by its owner alone: who writes another one there is the peer.
func TestAttackKeysThatOthersMayWrite(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	seed, public := filepath.Join(folder, "clue-1.nk"), filepath.Join(folder, "score-2.pub")
	for _, test := range []struct {
		path   string
		mode   os.FileMode
		remedy string // "": it is taken
	}{
		{seed, 0o600, ""}, {seed, 0o400, ""}, {seed, 0o640, ""},
		{seed, 0o620, "chmod g-w "}, {seed, 0o660, "chmod g-w "}, {seed, 0o644, "chmod 600 "}, {seed, 0o602, "chmod 600 "}, {seed, 0o666, "chmod 600 "},
		{public, 0o600, ""}, {public, 0o644, ""}, {public, 0o444, ""},
		{public, 0o664, "chmod go-w "}, {public, 0o666, "chmod go-w "}, {public, 0o646, "chmod go-w "},
	} {
		before, err := os.Stat(test.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(test.path, test.mode); err != nil {
			t.Fatal(err)
		}
		err = loadText(t, folder, configtest.Good, &Node{})
		if test.remedy == "" && err != nil || test.remedy != "" && (err == nil || !strings.Contains(err.Error(), test.remedy+test.path)) {
			t.Errorf("%s with mode %o: %v, want %q", filepath.Base(test.path), test.mode, err, test.remedy)
		}
		if err := os.Chmod(test.path, before.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}
