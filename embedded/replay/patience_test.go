package replay

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// flaky answers every other request of each kind only; those before it does, and then breaks the
// connection or says that something went wrong.
type flaky struct {
	mu     sync.Mutex
	calls  map[string]int  // guarded by mu
	solved map[string]bool // guarded by mu: teams
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Team, Guess string }
	_ = json.NewDecoder(r.Body).Decode(&in) // those without a body have none
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := r.Method + r.URL.Path + in.Team + in.Guess
	f.calls[kind]++
	again := f.solved[in.Team]
	f.solved[in.Team] = again || in.Guess == "right"
	switch {
	case f.calls[kind]%4 == 1:
		panic(http.ErrAbortHandler)
	case f.calls[kind]%4 == 3:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/v1/answers" && again:
		w.WriteHeader(http.StatusConflict)
	case r.URL.Path == "/v1/answers":
		_, _ = w.Write([]byte(`{"verdict":"wrong"}`))
	case r.URL.Path == "/v1/leaderboard":
		_, _ = w.Write([]byte(`{"leaderboard":[{"rank":1,"team":"a","points":20,"solves":20,"last_solve":null}]}`))
	default:
		_, _ = w.Write([]byte(`{"clues":[{"id":"p"}]}`))
	}
}

// A guess whose fate is unknown is sent again; if it had been judged right, that counts once.
func TestRemoteIsPatient(t *testing.T) {
	log, hunt := manyRows(t)
	for name, patience := range map[string]time.Duration{"patient": time.Minute, "impatient": 0} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(&flaky{calls: map[string]int{}, solved: map[string]bool{}})
			defer server.Close()
			r, err := NewRemote(server.URL, server.URL, server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			r.Patience = patience
			result, err := Run(t.Context(), r, log, hunt, Options{})
			if (err != nil) != (patience == 0) {
				t.Fatalf("%v", err)
			}
			if err == nil && (result.Correct != 20 || result.Wrong != 600 || result.Mismatches != 0 || len(result.Leaderboard) != 1) {
				t.Errorf("%+v", result)
			}
		})
	}
}
