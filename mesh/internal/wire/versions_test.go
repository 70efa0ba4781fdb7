package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Each version keeps the vectors that it had: in folders of its own, of which those of former
// versions never change. What a folder holds is checked by the tests of that version.
func TestEachVersionKeepsItsVectors(t *testing.T) {
	former := map[string]string{ // of a version that is written no more: the digest of its vectors
		"testdata/version1": "7561fb4875d0da69fc340337ef2af952e36384eabdddaa84a3dce8bf3c3a2ebf",
	}
	folders := map[int][]string{
		1: {"testdata/version1"},
		2: {"testdata/golden", "testdata/containers", "testdata/talk2"},
	}
	for version := 1; version <= max(Version, TalkVersion); version++ {
		if len(folders[version]) == 0 {
			t.Errorf("version %d has no vectors: add a folder, and keep those of version %d as they are", version, version-1)
		}
		for _, folder := range folders[version] {
			digest := digestOf(t, folder)
			if want := former[folder]; version < Version && digest != want {
				t.Errorf("%s is of version %d, and does not change any more: its digest is %s, want %s", folder, version, digest, want)
			}
		}
	}
}

func digestOf(t *testing.T, folder string) string {
	t.Helper()
	files := must(filepath.Glob(folder + "/*.hex"))
	if len(files) == 0 {
		t.Errorf("%s holds no vectors", folder)
	}
	sum := sha256.New()
	for _, file := range files {
		_, _ = fmt.Fprintf(sum, "%s\n%s\n", filepath.Base(file), must(os.ReadFile(file)))
	}
	return hex.EncodeToString(sum.Sum(nil))
}
