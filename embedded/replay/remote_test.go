package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"leafmesh/embedded/guesslog"
)

// daemons is a stand-in for the three services at one address. It notes the guesses of each team in
// the order they came.
type daemons struct {
	mu      sync.Mutex
	guesses map[string][]string // guarded by mu
	looks   int                 // guarded by mu: at the clues
	solves  int                 // guarded by mu: what the leaderboard says
	status  int                 // of answers to guesses; 0: verdicts
	looked  func()              // called at each look
}

func (d *daemons) start(t *testing.T) *Remote {
	d.guesses = make(map[string][]string)
	if d.looked == nil {
		d.looked = func() {}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/teams", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	mux.HandleFunc("GET /v1/teams/{team}/clues", d.clues)
	mux.HandleFunc("POST /v1/answers", d.answer)
	mux.HandleFunc("GET /v1/leaderboard", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		fmt.Fprintf(w, `{"leaderboard":[{"rank":1,"team":"a","points":%d,"solves":%d,"last_solve":null}]}`, d.solves, d.solves)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r, err := NewRemote(server.URL, server.URL+"/", server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// clues shows the clue at the third look only, as if the announcement took a while.
func (d *daemons) clues(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looked()
	if d.looks++; d.looks < 3 {
		fmt.Fprint(w, `{"clues":[]}`)
		return
	}
	fmt.Fprint(w, `{"clues":[{"id":"p"}]}`)
}

func (d *daemons) answer(w http.ResponseWriter, r *http.Request) {
	var in struct{ Team, Guess, At string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.At == "" {
		http.Error(w, "no guess", http.StatusTeapot)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.status != 0 {
		w.WriteHeader(d.status)
		return
	}
	d.guesses[in.Team] = append(d.guesses[in.Team], in.Guess)
	verdict := "wrong"
	if in.Guess == "right" {
		verdict = "correct"
		d.solves++
	}
	fmt.Fprintf(w, `{"verdict":%q}`, verdict)
}

// manyRows is a log in which each of 20 teams makes 30 guesses and is then right.
func manyRows(t *testing.T) (*guesslog.Log, guesslog.Derived) {
	t.Helper()
	var b strings.Builder
	for i := range 31 {
		for team := range 20 {
			text, letter := fmt.Sprintf("guess %d", i), "N"
			if i == 30 {
				text, letter = "right", "Y"
			}
			fmt.Fprintf(&b, "2020-01-01 00:00:%02d,team %d,P,%s,%s\n", i, team, text, letter)
		}
	}
	log, err := guesslog.Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	hunt, err := guesslog.Derive(log)
	if err != nil {
		t.Fatal(err)
	}
	return log, hunt
}

func TestRemoteKeepsTheOrderOfEachTeam(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("", func(t *testing.T) { // its cleanup comes before the look for goroutines
		d := &daemons{}
		log, hunt := manyRows(t)
		result, err := Run(t.Context(), d.start(t), log, hunt, Options{})
		if err != nil || result.Guesses != 620 || result.Correct != 20 || result.Mismatches != 0 || len(result.Leaderboard) != 1 {
			t.Fatalf("%+v, %v", result, err)
		}
		for team, guesses := range d.guesses {
			for i, text := range guesses[:30] {
				if text != fmt.Sprintf("guess %d", i) {
					t.Fatalf("%s: guess %d is %q", team, i, text)
				}
			}
		}
	})
}

func TestRemoteErrors(t *testing.T) {
	log, hunt := manyRows(t)
	for name, test := range map[string]struct {
		daemons *daemons
		want    string
	}{
		"a broken server":    {&daemons{status: http.StatusInternalServerError}, "500 Internal Server Error"},
		"played before":      {&daemons{solves: 5}, "played before"},
		"other verdicts":     {&daemons{status: http.StatusConflict}, ""},
		"another derivation": {&daemons{looks: math.MinInt}, "derived hunt"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == "another derivation" {
				test.daemons.looked = cancel // whoever replays loses patience
			}
			result, err := Run(ctx, test.daemons.start(t), log, hunt, Options{})
			if test.want == "" {
				if err != nil || result.Mismatches != 620 {
					t.Errorf("%+v, %v", result, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := NewRemote("127.0.0.1:8081", "http://h", "http://s"); err == nil {
		t.Error("an address without a scheme was taken")
	}
}
