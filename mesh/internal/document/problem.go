package document

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with a document.
type Problem struct {
	// Line is where it is, counted from 1.
	Line int
	// Path is the value's place, "mesh.imports[1].event"; empty for the whole
	// document.
	Path string
	// Text says what is wrong, Remedy what would be right.
	Text, Remedy string
	// Meant are the paths that an unknown key, or what stands under it, probably stands for.
	Meant []string
}

// Lines tells on which line the value of each path stands.
type Lines map[string]int

// Of gives the line of a path. A path that is not in the document has the line
// of its nearest ancestor in it, and the document itself line 1.
func (l Lines) Of(path string) int {
	for path != "" {
		if line, found := l[path]; found {
			return line
		}
		path = Parent(path)
	}
	return 1
}

// Parent gives the path one level up: "a.b[1]" is in "a.b", which is in "a".
func Parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// Join appends a relative path to a path: Join("mesh", "imports[1]").
func Join(path, relative string) string {
	if path == "" || relative == "" || strings.HasPrefix(relative, "[") {
		return path + relative
	}
	return path + "." + relative
}

// child gives the path of a key in a mapping. A key that is no plain word is
// quoted and cut, so that an error stays one short line.
func child(path, key string) string {
	for _, c := range key {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return Join(path, fmt.Sprintf("%.80q", key))
		}
	}
	if key == "" || len(key) > 80 {
		return Join(path, fmt.Sprintf("%.80q", key))
	}
	return Join(path, key)
}
