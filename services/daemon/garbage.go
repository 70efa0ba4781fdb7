package daemon

import (
	"os"
	"runtime/debug"
)

// garbagePercent is how much a process allocates before garbage is collected, as a share of what it
// has in use. Go's own measure is 100. In the replay of a real log 200 takes 8 % less processor
// time, for 10 % more resident memory; 400 takes no less. The heap may grow to three times what is
// in use, in place of two.
const garbagePercent = 200

// LetGarbageWait lets the process collect its garbage half as often as Go would by itself, unless
// the environment has GOGC. GOMEMLIMIT does not replace either of them: it holds beside them.
func LetGarbageWait() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}
