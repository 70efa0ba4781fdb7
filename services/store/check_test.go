package store

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// Check writes to the disk, and finds what keeps others from it.
func TestCheck(t *testing.T) {
	db, path := openTest(t)
	if err := put(db, "before", 1); err != nil {
		t.Fatal(err)
	}
	wal := func() string {
		t.Helper()
		data, err := os.ReadFile(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	before := wal()
	if err := db.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	if after := wal(); after == before {
		t.Error("nothing was written")
	}
	if _, err := db.ExecContext(context.Background(), "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	if err := db.Check(context.Background()); err == nil || !strings.Contains(err.Error(), "write to "+path) {
		t.Errorf("read-only: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Check(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
