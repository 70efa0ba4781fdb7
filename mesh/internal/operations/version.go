package operations

import (
	"strings"

	"leafmesh/mesh/internal/release"
)

// semantic is the version of leafmesh as NATS services want it: "1.2.3", or "0.0.0-devel" if it was
// not released.
func semantic() string {
	version, released := strings.CutPrefix(release.Version(), "v")
	if !released {
		return "0.0.0-devel"
	}
	return version
}
