package huntfile

import (
	"fmt"

	"leafmesh/mesh/config"
)

// Load reads and validates a hunt file. It returns an error that wraps fs.ErrNotExist and the like
// when the file can not be read, and otherwise everything wrong in it, joined, each a
// [*config.FieldError] with file and line.
//
// It uses the reader of node configurations, config.LoadYAML, and is as strict; see there for the
// limits of size.
func Load(path string) (*Hunt, error) {
	h := new(Hunt)
	if err := config.LoadYAML(path, h); err != nil {
		return nil, fmt.Errorf("load hunt file: %w", err)
	}
	return h, nil
}
