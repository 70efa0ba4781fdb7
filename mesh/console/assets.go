package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
)

//go:embed assets
var files embed.FS

// page serves the one page.
func page(w http.ResponseWriter, r *http.Request) { serveFile(w, r, "assets/index.html") }

// assets serves what the page loads.
func assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveFile(w, r, r.URL.Path[1:]) })
}

// kinds are the types of what there is, which do not depend on what a machine knows.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// tags name the contents of the files: a browser asks each time whether its copy is the present
// one, as another version of the program may have taken the port.
var tags = func() map[string]string {
	tags := map[string]string{}
	_ = fs.WalkDir(files, ".", func(name string, _ fs.DirEntry, _ error) error { // embedded files can be read
		if data, err := files.ReadFile(name); err == nil {
			sum := sha256.Sum256(data)
			tags[name] = `"` + hex.EncodeToString(sum[:8]) + `"`
		}
		return nil
	})
	return tags
}()

func serveFile(w http.ResponseWriter, r *http.Request, name string) {
	data, err := files.ReadFile(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", tags[name])
	if r.Header.Get("If-None-Match") == tags[name] {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", kinds[path.Ext(name)])
	_, _ = w.Write(data) // who has gone meanwhile does not get it
}
