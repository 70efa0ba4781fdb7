package logs

import (
	"log/slog"
	"maps"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Levels say how grave a record must be to be written: in general, and for what single Go packages
// log. They can be changed at any time. The zero value asks for slog.LevelInfo. Its methods are
// safe for concurrent use. Do not copy it.
type Levels struct {
	set atomic.Pointer[levelSet] // nil: slog.LevelInfo
}

// levelSet is what holds at a time.
type levelSet struct {
	general, least slog.Level
	packages       map[string]slog.Level
	known          sync.Map // slog.Level by the place of the program that logs: few
}

// Set replaces all levels. A package is named by its path or the end of it: "leaf" is package
// leafmesh/mesh/internal/leaf, and "main" the program's. What the names do not fit has the general
// level.
func (l *Levels) Set(general slog.Level, packages map[string]slog.Level) {
	s := &levelSet{general: general, least: general, packages: maps.Clone(packages)}
	for _, level := range packages {
		s.least = min(s.least, level)
	}
	l.set.Store(s)
}

// mayWrite reports whether records of a level are written of any package.
func (l *Levels) mayWrite(level slog.Level) bool {
	s := l.set.Load()
	if s == nil {
		return level >= slog.LevelInfo
	}
	return level >= s.least
}

// writes reports whether a record is written that is logged at a place of the program.
func (l *Levels) writes(level slog.Level, pc uintptr) bool {
	s := l.set.Load()
	switch {
	case s == nil:
		return level >= slog.LevelInfo
	case len(s.packages) == 0 || pc == 0:
		return level >= s.general
	}
	known, found := s.known.Load(pc)
	if !found {
		known, _ = s.known.LoadOrStore(pc, s.levelAt(pc))
	}
	return level >= known.(slog.Level)
}

// levelAt is the level of the package that a place belongs to. The longest name that fits counts.
func (s *levelSet) levelAt(pc uintptr) slog.Level {
	level, longest := s.general, 0
	path := packageAt(pc)
	for name, of := range s.packages {
		if len(name) > longest && (name == path || strings.HasSuffix(path, "/"+name)) {
			level, longest = of, len(name)
		}
	}
	return level
}

// packageAt is the path of the package that a place belongs to.
func packageAt(pc uintptr) string {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	folder, name := "", frame.Function // leafmesh/mesh/internal/leaf.(*serverLog).write
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		folder, name = name[:at+1], name[at+1:]
	}
	name, _, _ = strings.Cut(name, ".")
	return folder + name
}
