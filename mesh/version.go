package mesh

import (
	"leafmesh/mesh/internal/release"
	"leafmesh/mesh/internal/wire"
)

// WireVersion is the version of the messages on links. Nodes of different ones are not linked:
// [Node.Ready] says who is to be upgraded.
const WireVersion = wire.TalkVersion

// Version is the release of leafmesh that the program was built with: "v1.2.3", "commit 1a2b…", or
// "unknown" where Go's build information does not have it.
func Version() string { return release.Version() }
