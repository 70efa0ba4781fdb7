package release

import (
	"runtime/debug"
	"testing"
)

func TestVersionIn(t *testing.T) {
	for want, info := range map[string]*debug.BuildInfo{
		"v1.2.3":      {Main: debug.Module{Path: "leafmesh", Version: "v1.2.3"}},
		"v1.2.4":      {Main: debug.Module{Path: "shop", Version: "v9.0.0"}, Deps: []*debug.Module{{Path: "other", Version: "v3.0.0"}, {Path: "leafmesh", Version: "v1.2.4"}}},
		"commit abcd": {Main: debug.Module{Path: "leafmesh", Version: "(devel)"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abcd"}}},
		Unknown:       {Main: debug.Module{Path: "shop", Version: "v9.0.0"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abcd"}}},
	} {
		if got := versionIn(info); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if Version() == "" {
		t.Error("this program has none")
	}
}
