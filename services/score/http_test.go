package score

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"leafmesh/services/servicetest"
)

func TestHTTP(t *testing.T) {
	r := start(t, t.TempDir())
	emit(r, "clue-1", Solved, ClueSolved{`A/B "x" 🦉`, "two", 1521228000500})
	emit(r, "clue-1", Hinted, HintTaken{"Bats", "one", 2, 1, 1521228001000})
	emit(r, "hunt-1", Finished, TeamFinished{"Bats"})
	r.settle(3)
	const owls = `{"rank":1,"team":"A/B \"x\" 🦉","points":2,"solves":1,"last_solve":"2018-03-16T19:20:00.5Z","finished":false`
	const bats = `{"rank":2,"team":"Bats","points":-1,"solves":0,"last_solve":null,"finished":true`
	tests := []struct {
		path   string
		status int
		body   string // all of it, or a part of a problem's
	}{
		{"/v1/leaderboard", 200, `{"leaderboard":[` + owls + `},` + bats + `}]}`},
		{"/v1/leaderboard?limit=1", 200, `{"leaderboard":[` + owls + `}]}`},
		{"/v1/leaderboard?limit=0", 400, "from 1 to 1000"},
		{"/v1/leaderboard?limit=1001", 400, "from 1 to 1000"},
		{"/v1/leaderboard?limit=x", 400, "from 1 to 1000"},
		{"/v1/teams/A%2FB%20%22x%22%20%F0%9F%A6%89", 200, owls + `,"awards":[{"clue":"two","points":2,"at":"2018-03-16T19:20:00.5Z"}]}`},
		{"/v1/teams/Bats", 200, bats + `,"awards":[{"clue":"one","hint":2,"points":-1,"at":"2018-03-16T19:20:01Z"}]}`},
		{"/v1/teams/bats", 404, "nothing has been counted"},
		{"/healthz", 200, `{"status":"ok"}`},
		{"/v2", 404, "nothing at this path"},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			answer, text := r.Call("GET", test.path, "")
			if answer.StatusCode != test.status {
				t.Errorf("status %d, want %d", answer.StatusCode, test.status)
			}
			body := strings.TrimSpace(text)
			if test.status == 200 && body != test.body || !strings.Contains(body, test.body) {
				t.Errorf("body %s\nwant %s", body, test.body)
			}
		})
	}
}

func TestEmptyLeaderboardIsAnEmptyList(t *testing.T) {
	r := start(t, t.TempDir())
	if _, body := r.Call("GET", "/v1/leaderboard", ""); body != `{"leaderboard":[]}`+"\n" {
		t.Errorf("body %s", body)
	}
}

// readUpdate reads the next event of a stream.
func readUpdate(t *testing.T, lines *bufio.Scanner) (u update) {
	t.Helper()
	name := ""
	for lines.Scan() {
		if value, is := strings.CutPrefix(lines.Text(), "event: "); is {
			name = value
		}
		if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
			if name != "leaderboard" {
				t.Errorf("an event named %q", name)
			}
			if err := json.Unmarshal([]byte(data), &u); err != nil {
				t.Fatal(err)
			}
			return u
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return u
}

func TestStreamFollowsTheLeaderboardUntilTheServiceStops(t *testing.T) {
	r := start(t, t.TempDir())
	emit(r, "clue-1", Solved, ClueSolved{"Owls", "two", 100})
	r.settle(1)
	ctx, cancel := context.WithTimeout(context.Background(), servicetest.Patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", r.URL()+"/v1/leaderboard/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	if u := readUpdate(t, lines); !u.Snapshot || len(u.Rows) != 1 || u.Rows[0].Team != "Owls" || u.Rows[0].Points != 2 {
		t.Errorf("first %+v, want a snapshot with Owls", u)
	}
	emit(r, "clue-1", Solved, ClueSolved{"Bats", "three", 200})
	if u := readUpdate(t, lines); u.Snapshot || len(u.Rows) != 2 || u.Rows[0].Team != "Bats" || u.Rows[1].Rank != 2 {
		t.Errorf("then %+v, want Bats first and Owls second", u)
	}
	r.Stop()
	for lines.Scan() {
		if lines.Text() != "" {
			t.Errorf("after the stop: %q", lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream broke off: %v", err)
	}
	select {
	case <-r.feed.done:
	default:
		t.Error("the feed goes on after the stop")
	}
}

func TestStreamOfAClientThatWentIsForgotten(t *testing.T) {
	r := start(t, t.TempDir())
	answer, err := http.Get(r.URL() + "/v1/leaderboard/stream")
	if err != nil {
		t.Fatal(err)
	}
	if u := readUpdate(t, bufio.NewScanner(answer.Body)); !u.Snapshot || r.feed.count() != 1 {
		t.Errorf("first %+v with %d subscribers, want a snapshot and 1", u, r.feed.count())
	}
	answer.Body.Close()
	r.Await("the end of the stream", func() bool { return r.feed.count() == 0 })
}
