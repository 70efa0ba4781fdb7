package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func newTest(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/", server.URL, server.URL, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestNewRefusesWhatIsNoBaseURL(t *testing.T) {
	for _, bad := range []string{"", "localhost:8081", "127.0.0.1", "ftp://h", "http://", "http://h/?q=1", "http://user@h", "://"} {
		if _, err := New(bad, "http://h", "http://s", 1); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestTeamNamesInPaths(t *testing.T) {
	for _, team := range []string{"a/b", "100% sure?", "two  spaces", "ねこ", "#1", "..dots..", "a+b&c=d;e"} {
		c := newTest(t, func(w http.ResponseWriter, r *http.Request) {
			mux := http.NewServeMux()
			mux.HandleFunc("GET /v1/teams/{team}/clues", func(w http.ResponseWriter, r *http.Request) {
				if got := r.PathValue("team"); got != team {
					t.Errorf("the server sees %q, not %q", got, team)
				}
				_, _ = w.Write([]byte(`{"clues":[{"id":"x","hints_left":2}]}`))
			})
			mux.ServeHTTP(w, r)
		})
		clues, err := c.Clues(t.Context(), team)
		if err != nil || len(clues) != 1 || clues[0].HintsLeft != 2 {
			t.Errorf("%q: %v, %v", team, clues, err)
		}
	}
}

func TestProblems(t *testing.T) {
	for name, test := range map[string]struct {
		body, want string
	}{
		"of ours":          {`{"title":"Not Found","status":404,"detail":"no such team"}`, "404 Not Found: no such team"},
		"of a proxy":       {"<html>", "404 Not Found"},
		"another's object": {`{"error":"x"}`, "404 Not Found"},
	} {
		c := newTest(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(test.body))
		})
		err := c.Join(t.Context(), "x")
		if !Is(err, http.StatusNotFound) || Is(err, http.StatusConflict) || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	c := newTest(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("no JSON")) })
	if _, err := c.Leaderboard(t.Context()); err == nil || !strings.Contains(err.Error(), "decode the answer") {
		t.Errorf("got %v", err)
	}
}

func TestTriesAgainWhenTold(t *testing.T) {
	calls := 0
	c := newTest(t, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte(`{"verdict":"wrong"}`))
	})
	if verdict, err := c.Answer(t.Context(), "x", "y", "z", time.Time{}); err != nil || verdict != "wrong" || calls != 2 {
		t.Errorf("%q, %v after %d calls", verdict, err, calls)
	}
}

func TestLockOutIsNotTriedAgain(t *testing.T) {
	calls := 0
	c := newTest(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	if err := c.Hint(t.Context(), "x", "y"); !Is(err, http.StatusTooManyRequests) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestWaitingToTryAgainEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := newTest(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusTooManyRequests)
		time.AfterFunc(10*time.Millisecond, cancel)
	})
	if err := c.Join(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
