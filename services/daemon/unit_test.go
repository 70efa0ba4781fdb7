package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The unit of systemd that is shipped fits what a daemon does: its exit statuses, how long it takes
// to stop, and what it tells.
func TestTheUnitFitsTheDaemon(t *testing.T) {
	text, err := os.ReadFile("../../configs/systemd/leafmesh@.service")
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(key, "#") {
			settings[key] = value
		}
	}
	for key, want := range map[string]string{
		"Type": "notify", "Restart": "on-failure", "ExecStart": "/usr/local/bin/%id --config /etc/leafmesh/%i.yaml",
		"RestartPreventExitStatus": fmt.Sprint(statusUsage, " ", statusNeverStarts),
	} {
		if settings[key] != want {
			t.Errorf("%s=%s, want %s", key, settings[key], want)
		}
	}
	if patience, err := time.ParseDuration(settings["TimeoutStopSec"]); err != nil || patience <= maxStopDelay+drainTimeout {
		t.Errorf("TimeoutStopSec=%s, want more than %v: %v", settings["TimeoutStopSec"], maxStopDelay+drainTimeout, err)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("systemd-analyze is not here: the unit's syntax is not checked")
		return
	}
	unit := filepath.Join(t.TempDir(), "leafmesh@clue.service") // it looks for the program
	if err := os.WriteFile(unit, []byte(strings.Replace(string(text), "/usr/local/bin/%id", "/bin/sh", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("systemd-analyze", "verify", unit).CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
}
