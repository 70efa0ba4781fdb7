package inlet

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/internal/bookmark"
	"leafmesh/mesh/internal/journal"
)

// Bookmarks that cannot be saved are told of with a remedy.
func TestBookmarksThatCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		path := filepath.Join(folder, "bookmark")
		marks, err := OpenBookmarks(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		marks.handled(bookmark.Place{Peer: "clue-1", Subject: solved}, 1)
		var lines bytes.Buffer
		s := &Set{env: &Env{Bookmarks: marks, Log: journal.New(slog.New(slog.NewTextHandler(&lines, nil)), "score-1")}, ended: make(chan struct{})}
		go s.saveBookmarks()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if text := lines.String(); !strings.Contains(text, "bookmarks not saved") || !strings.Contains(text, `remedy="free the disk at `+folder+",") {
			t.Errorf("the log has %q", text)
		}
		close(s.ended)
	})
}
