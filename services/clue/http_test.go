package clue

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"leafmesh/services/huntfile"
)

// call makes a request and decodes its answer.
func (r *rig) call(method, path, body string) (*http.Response, map[string]any) {
	r.t.Helper()
	answer, text := r.Call(method, path, body)
	fields := map[string]any{}
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		r.t.Fatalf("%s %s: %q is not JSON: %v", method, path, text, err)
	}
	for _, secret := range []string{"keeper", "tide"} {
		if strings.Contains(text, secret) {
			r.t.Errorf("%s %s tells an answer: %s", method, path, text)
		}
	}
	return answer, fields
}

func TestHTTPAnswers(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{Guesses: 2, Lockout: time.Hour}))
	const name = `a/b "Ölüm" 🦉`
	r.open(name, "a", "c")
	quoted, _ := json.Marshal(name)
	body := func(clue, guess string) string {
		return `{"team": ` + string(quoted) + `, "clue": "` + clue + `", "guess": "` + guess + `"}`
	}
	for _, test := range []struct {
		name, body string
		status     int
		fields     map[string]any
	}{
		{"wrong", body("a", "x"), 200, map[string]any{"verdict": "wrong", "guesses_left": 1.0}},
		{"wrong, and locked out", body("a", "y"), 200, map[string]any{"verdict": "wrong", "guesses_left": 0.0}},
		{"locked out", body("a", "lighthouse"), 429, map[string]any{"status": 429.0}},
		{"correct", body("c", "🦉"), 200, map[string]any{"verdict": "correct"}},
		{"solved before", body("c", "🦉"), 409, nil},
		{"not open", body("b", "x"), 404, nil},
		{"unknown looks the same", body("zzz", "x"), 404, nil},
		{"no guess", body("a", ""), 400, nil},
		{"long guess", body("a", strings.Repeat("x", 501)), 400, nil},
		{"own time", `{"team": "x", "clue": "a", "guess": "x", "at": "2018-03-16T19:18:19Z"}`, 400, nil},
		{"unknown field", `{"team": "x", "clue": "a", "guess": "x", "verdict": 1}`, 400, nil},
		{"too large", body("a", strings.Repeat("x", 20000)), 413, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, fields := r.call("POST", "/v1/answers", test.body)
			if response.StatusCode != test.status {
				t.Fatalf("status %d, want %d: %v", response.StatusCode, test.status, fields)
			}
			for key, want := range test.fields {
				if fields[key] != want {
					t.Errorf("%s is %v, want %v", key, fields[key], want)
				}
			}
			if test.status == 429 {
				if s, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || s < 3590 || s > 3600 {
					t.Errorf("Retry-After %q", response.Header.Get("Retry-After"))
				}
			}
			if test.status >= 400 && response.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("content type %q", response.Header.Get("Content-Type"))
			}
		})
	}
	response, fields := r.call("GET", "/v1/teams/"+url.PathEscape(name)+"/clues", "")
	if clues, ok := fields["clues"].([]any); response.StatusCode != 200 || !ok || len(clues) != 2 || fields["team"] != name {
		t.Errorf("status %d, %v", response.StatusCode, fields)
	} else if a := clues[0].(map[string]any); a["text"] != "text of a" || a["guesses_left"] != 0.0 || a["locked_until"] == nil || a["next_hint_cost"] != 2.0 {
		t.Errorf("clue a: %v", a)
	}
}

func TestHTTPLockedForGood(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{Guesses: 1}))
	r.open("owls", "a")
	for _, want := range []int{200, 403} {
		if response, fields := r.call("POST", "/v1/answers", `{"team": "owls", "clue": "a", "guess": "x"}`); response.StatusCode != want {
			t.Errorf("status %d, want %d: %v", response.StatusCode, want, fields)
		}
	}
}

func TestHTTPTrustedTime(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	r.config.TrustTime = true
	r.open("owls", "a")
	const at = "2018-03-16T19:18:19Z"
	response, fields := r.call("POST", "/v1/answers", `{"team": "owls", "clue": "a", "guess": "lighthouse", "at": "`+at+`"}`)
	if response.StatusCode != 200 || fields["at"] != at {
		t.Errorf("status %d, %v", response.StatusCode, fields)
	}
	equal(t, "solved", events[ClueSolved](r), []ClueSolved{{"owls", "a", 1521227899000}})
}

func TestHTTPHintsAndHealth(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	r.open("owls", "a")
	response, fields := r.call("POST", "/v1/hints", `{"team": "owls", "clue": "a"}`)
	if response.StatusCode != 200 || fields["text"] != "it shines" || fields["cost"] != 2.0 || fields["hint"] != 1.0 || fields["hints_left"] != 1.0 {
		t.Errorf("status %d, %v", response.StatusCode, fields)
	}
	if response, _ := r.call("POST", "/v1/hints", `{"team": "owls", "clue": "b"}`); response.StatusCode != 404 {
		t.Errorf("hint for a closed clue: status %d", response.StatusCode)
	}
	if response, _ := r.call("GET", "/v1/teams/%20/clues", ""); response.StatusCode != 400 {
		t.Errorf("bad team name: status %d", response.StatusCode)
	}
	if response, fields := r.call("GET", "/v1/teams/nobody/clues", ""); response.StatusCode != 200 || len(fields["clues"].([]any)) != 0 {
		t.Errorf("unknown team: status %d, %v", response.StatusCode, fields)
	}
	if response, fields := r.call("GET", "/healthz", ""); response.StatusCode != 200 || fields["status"] != "ok" {
		t.Errorf("health: status %d, %v", response.StatusCode, fields)
	}
}
