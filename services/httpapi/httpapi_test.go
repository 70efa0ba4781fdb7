package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type guess struct {
	Team  string `json:"team"`
	Count int    `json:"count"`
}

// decoding is a route that answers what it decoded.
func decoding(w http.ResponseWriter, r *http.Request) error {
	in, err := Decode[guess](w, r)
	if err != nil {
		return err
	}
	Respond(w, http.StatusOK, in)
	return nil
}

// problem reads an answer that must be a problem.
func problem(t *testing.T, answer *httptest.ResponseRecorder) Problem {
	t.Helper()
	var p Problem
	if got := answer.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q, want application/problem+json", got)
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil {
		t.Fatalf("body %q: %v", answer.Body, err)
	}
	if p.Status != answer.Code || p.Title == "" {
		t.Errorf("problem %+v with status %d", p, answer.Code)
	}
	return p
}

func TestDecode(t *testing.T) {
	large := fmt.Sprintf(`{"team":%q}`, strings.Repeat("x", MaxBody))
	tests := []struct {
		name, kind, body string
		status           int
		detail           string // a part of it
	}{
		{"good", "application/json", `{"team":"Owls","count":3}`, 200, ""},
		{"with charset", "application/json; charset=utf-8", `{"team":"Owls"} `, 200, ""},
		{"no content type", "", `{}`, 415, "application/json"},
		{"a form", "application/x-www-form-urlencoded", `team=Owls`, 415, "application/json"},
		{"text, as a simple request of a browser", "text/plain", `{}`, 415, "application/json"},
		{"empty", "application/json", ``, 400, "empty"},
		{"cut off", "application/json", `{"team":"Ow`, 400, "ends within"},
		{"no JSON", "application/json", `{team:1}`, 400, "not JSON, at byte 2"},
		{"wrong type", "application/json", `{"team":7}`, 400, `field "team" cannot be a JSON number`},
		{"wrong type of all", "application/json", `[]`, 400, "the body cannot be a JSON array"},
		{"number out of range", "application/json", `{"count":1e99}`, 400, `field "count"`},
		{"unknown field", "application/json", `{"tean":"Owls"}`, 400, `unknown field "tean"`},
		{"second value", "application/json", `{} {}`, 400, "more than one"},
		{"rubbish behind", "application/json", `{} x`, 400, "more than one"},
		{"too large", "application/json", large, 413, "16384 bytes"},
		{"too large behind the value", "application/json", `{}` + strings.Repeat(" ", MaxBody), 413, "16384 bytes"},
		{"largest", "application/json", `{}` + strings.Repeat(" ", MaxBody-2), 200, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(test.body))
			r.Header.Set("Content-Type", test.kind)
			w := httptest.NewRecorder()
			Handle(decoding).ServeHTTP(w, r)
			if w.Code != test.status {
				t.Fatalf("status %d, want %d: %s", w.Code, test.status, w.Body)
			}
			if test.status != 200 && !strings.Contains(problem(t, w).Detail, test.detail) {
				t.Errorf("%s, want a detail with %q", w.Body, test.detail)
			}
		})
	}
}

// silence keeps expected errors out of the test's output and returns what was logged.
func silence(t *testing.T) *strings.Builder {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &log
}

func TestHandleTellsProblemsAndHidesErrors(t *testing.T) {
	secret := errors.New("secret path /var/db")
	tests := []struct {
		name   string
		f      func(w http.ResponseWriter, r *http.Request) error
		status int
		logged bool
	}{
		{"problem", func(http.ResponseWriter, *http.Request) error { return NewProblem(409, "taken") }, 409, false},
		{"wrapped problem", func(http.ResponseWriter, *http.Request) error {
			return fmt.Errorf("join: %w", NewProblem(409, "taken"))
		}, 409, false},
		{"error", func(http.ResponseWriter, *http.Request) error { return secret }, 500, true},
		{"panic", func(http.ResponseWriter, *http.Request) error { panic(secret) }, 500, true},
		{"value that is no JSON", func(w http.ResponseWriter, _ *http.Request) error {
			Respond(w, 200, func() {})
			return nil
		}, 500, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log := silence(t)
			w := httptest.NewRecorder()
			Handle(test.f).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			problem(t, w)
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("the client was told %s", w.Body)
			}
			if got := log.Len() > 0; got != test.logged {
				t.Errorf("logged: %v, want %v: %s", got, test.logged, log)
			}
		})
	}
}

func TestErrorAfterTheAnswerHasBegunChangesNothing(t *testing.T) {
	log := silence(t)
	w := httptest.NewRecorder()
	Handle(func(w http.ResponseWriter, _ *http.Request) error {
		Respond(w, 200, "fine")
		return errors.New("late")
	}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `"fine"` || !strings.Contains(log.String(), "late") {
		t.Errorf("answer %d %s, log %s", w.Code, w.Body, log)
	}
}

func TestMuxAnswersRoutingErrorsWithProblems(t *testing.T) {
	mux := NewMux()
	mux.Route("GET /v1/teams/{team}", func(w http.ResponseWriter, r *http.Request) error {
		Respond(w, 200, r.PathValue("team"))
		return nil
	})
	tests := []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/v1/teams/Owls%2FBats%20%22x%22", 200, `"Owls/Bats \"x\""`},
		{"HEAD", "/v1/teams/Owls", 200, ""},
		{"POST", "/v1/teams/Owls", 405, ""},
		{"GET", "/v1/teams", 404, ""},
		{"GET", "/", 404, ""},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
			if w.Code != test.status {
				t.Fatalf("status %d, want %d: %s", w.Code, test.status, w.Body)
			}
			if test.status != 200 {
				problem(t, w)
			}
			if test.body != "" && strings.TrimSpace(w.Body.String()) != test.body {
				t.Errorf("body %s, want %s", w.Body, test.body)
			}
			if allow := w.Header().Get("Allow"); (test.status == 405) != (allow == "GET, HEAD") {
				t.Errorf("Allow is %q with status %d", allow, w.Code)
			}
		})
	}
}

// get answers a GET's status and body.
func get(t *testing.T, url string, headers ...string) (int, string) {
	t.Helper()
	return request(t, "GET", url, "", headers...)
}

// request answers a request's status and body. Headers are names and values in turn.
func request(t *testing.T, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
