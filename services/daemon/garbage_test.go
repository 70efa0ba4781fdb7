package daemon

import (
	"runtime/debug"
	"testing"
)

func TestLetGarbageWait(t *testing.T) {
	for environment, want := range map[string]int{"": garbagePercent, "50": 70, "off": 70} {
		t.Run(environment, func(t *testing.T) {
			defer debug.SetGCPercent(debug.SetGCPercent(70))
			t.Setenv("GOGC", environment)
			LetGarbageWait()
			if got := debug.SetGCPercent(70); got != want {
				t.Errorf("with GOGC=%q garbage is collected at %d %%, want %d", environment, got, want)
			}
		})
	}
}
