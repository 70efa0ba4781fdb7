// Package logs keeps a log readable: what is written grows with causes, not with events.
//
// A [Handler] stands before the slog.Handler that writes, and collapses repeats. [Levels] say how
// grave a record must be to be written, for each Go package, and can be changed while the program
// runs.
//
//	levels := &logs.Levels{}
//	handler := logs.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: logs.All}), levels)
//	defer handler.Close()
//	slog.SetDefault(slog.New(handler))
//	levels.Set(slog.LevelInfo, map[string]slog.Level{"leaf": slog.LevelDebug})
//
// A node collapses what it logs itself, also if its logger has no Handler of this package.
package logs
