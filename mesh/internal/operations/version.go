package operations

import (
	"runtime/debug"
	"strings"
	"sync"
)

// module is the name of the module that the version is of.
const module = "leafmesh"

// Version is the version of leafmesh in this program, as semantic versioning has them: "1.2.3", or
// "0.0.0-devel" with the revision where it was built from its repository.
var Version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return development("")
	}
	of := info.Main
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			of = *dependency
		}
	}
	if version, found := strings.CutPrefix(of.Version, "v"); found && of.Path == module {
		return version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && info.Main.Path == module {
			return development(setting.Value)
		}
	}
	return development("")
})

// development is the version of what was not released.
func development(revision string) string {
	if revision == "" {
		return "0.0.0-devel"
	}
	return "0.0.0-devel+" + revision[:min(len(revision), 12)]
}
