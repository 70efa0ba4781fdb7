package archive

import (
	"os"
	"path/filepath"
	"testing"
)

// sizeOf is how many files a folder has, and of how many bytes.
func sizeOf(t *testing.T, folder string) (files int, sum int64) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	return len(found), sum
}
