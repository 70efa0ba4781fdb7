package daemon

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"leafmesh/mesh/config"
)

// Each port and receiver that is a comment in a file of configs works as it stands there, once the
// comment sign in front of it is away. What has a token is a line of its own: behind a second
// comment sign it would be left out, and nobody would see that.
func TestWhatConfigsHaveInCommentsWorks(t *testing.T) {
	for _, service := range []string{"clue", "hunt", "score"} {
		shipped, err := os.ReadFile("../../configs/" + service + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		withToken := map[string]bool{}
		entry := regexp.MustCompile(`(?m)^# ((?:metrics|traces|console): .*)$`)
		for _, line := range entry.FindAllStringSubmatch(string(shipped), -1) {
			field, _, _ := strings.Cut(line[1], ":")
			var c own
			loadWithSecrets(t, service, line[1], &c)
			if strings.Contains(line[1], "token") != hasToken(c.Config) || strings.Contains(line[1], " #") {
				t.Errorf("%s: not all of the line counts: %s", service, line[1])
			}
			withToken[field] = withToken[field] || hasToken(c.Config)
		}
		if !withToken["metrics"] || !withToken["traces"] || !withToken["console"] {
			t.Errorf("%s: lines with a token: %v", service, withToken)
		}
	}
}

// loadWithSecrets loads a file with a line, in a folder that has the secrets which the line names.
func loadWithSecrets(t *testing.T, service, line string, c *own) {
	t.Helper()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	const secret = "0123456789abcdef"
	for _, file := range regexp.MustCompile(`file: ([\w./-]+)`).FindAllStringSubmatch(line, -1) {
		if err := os.WriteFile(filepath.Join(folder, file[1]), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range regexp.MustCompile(`env: (\w+)`).FindAllStringSubmatch(line, -1) {
		t.Setenv(name[1], secret)
	}
	path := filepath.Join(folder, service+".yaml")
	text := "mesh: {name: " + service + "-1}\n" + line + "\ndata: data\nhunt: hunt.yaml\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.LoadYAML(path, c); err != nil {
		t.Errorf("%s: %v", line, err)
	}
}

func hasToken(c Config) bool {
	return c.Metrics != nil && !c.Metrics.Token.IsZero() || c.Traces != nil && !c.Traces.Token.IsZero() ||
		c.Console != nil && !c.Console.Token.IsZero()
}
