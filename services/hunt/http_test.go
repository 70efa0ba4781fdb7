package hunt

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// call makes a request and decodes its answer.
func (r *rig) call(method, path, body string) (status int, fields map[string]any) {
	r.t.Helper()
	answer, text := r.Call(method, path, body)
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		r.t.Fatalf("%s %s: %q is not JSON: %v", method, path, text, err)
	}
	if strings.Contains(text, "secret") {
		r.t.Errorf("%s %s tells what teams may not see: %s", method, path, text)
	}
	return answer.StatusCode, fields
}

func TestHTTP(t *testing.T) {
	config := here(t)
	config.MaxTeams = 1
	r := start(t, config, sample())
	const name = `a/b "Ölüm" 🦉`
	quoted, _ := json.Marshal(map[string]string{"team": name})
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		want                     string // a part of the answer, as fmt prints it
	}{
		{"progress before", "GET", "/v1/teams/" + url.PathEscape(name), "", 404, "no team"},
		{"join", "POST", "/v1/teams", string(quoted), 201, "unlocked:[a b]"},
		{"join again", "POST", "/v1/teams", string(quoted), 200, "total:5"},
		{"progress", "GET", "/v1/teams/" + url.PathEscape(name), "", 200, "team:" + name},
		{"too many", "POST", "/v1/teams", `{"team": "owls"}`, 409, "no further team"},
		{"no name", "POST", "/v1/teams", `{}`, 400, "the team name is missing"},
		{"bad name", "POST", "/v1/teams", `{"team": "a\nb"}`, 400, "control character"},
		{"unknown field", "POST", "/v1/teams", `{"name": "owls"}`, 400, "name"},
		{"too large", "POST", "/v1/teams", `{"team": "` + strings.Repeat("x", 20000) + `"}`, 413, ""},
		{"hunt", "GET", "/v1/hunt", "", 200, "map[id:e points:1 title:E unlock:map[after:[c] solves:3]]"},
		{"health", "GET", "/healthz", "", 200, "ok"},
		{"nowhere", "GET", "/v1/answers", "", 404, ""},
		{"wrong method", "DELETE", "/v1/hunt", "", 405, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, fields := r.call(test.method, test.path, test.body)
			if status != test.status || !strings.Contains(fmt.Sprint(fields), test.want) {
				t.Errorf("status %d, %v; want %d, …%s…", status, fields, test.status, test.want)
			}
		})
	}
	r.expect(name+" unlocked [a b]", name+" unlocked [a b]")
}
