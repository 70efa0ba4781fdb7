package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/why"
)

// However many volumes are damaged, the error has room in an answer, and names one of them.
func TestManyDamagedVolumes(t *testing.T) {
	folder := t.TempDir()
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint("faults.", i+1)), []byte("half a page"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var s shelf
	if err := s.open(folder, "faults", 1<<20, time.Now().UnixNano()); err != nil {
		t.Fatal(err)
	}
	err := s.each(func(why.Record) { t.Error("believed") })
	if !errors.Is(err, errDamaged) || !strings.HasPrefix(err.Error(), "kept cascades in faults.1: ") || !strings.HasSuffix(err.Error(), " (and 99 other files like it)") || len(err.Error()) > 200 {
		t.Error(err)
	}
}
