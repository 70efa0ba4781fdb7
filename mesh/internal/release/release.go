// Package release knows which version of leafmesh a program was built with.
package release

import (
	"runtime/debug"
	"sync"
)

const module = "leafmesh"

// Unknown is the version of a program that does not say it, as those of tests.
const Unknown = "unknown"

// Version is that of the module leafmesh, as Go's build information has it: "v1.2.3", or one made
// of the commit it was built from.
var Version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Unknown
	}
	return versionIn(info)
})

func versionIn(info *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module && m.Version != "" && m.Version != "(devel)" {
			return m.Version
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && info.Main.Path == module {
			return "commit " + s.Value
		}
	}
	return Unknown
}
