package huntpages_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/embedded/cluster"
	"leafmesh/embedded/huntpages"
	"leafmesh/mesh/console"
	"leafmesh/mesh/door"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; no wait ends by it unless something is broken.
const patience = 20 * time.Second

// serve runs the hunt, with its pages beside a console, and returns where they are.
func serve(t *testing.T) (*cluster.Cluster, *door.Server) {
	t.Helper()
	c, err := cluster.Open(t.Context(), cluster.Options{HTTP: "127.0.0.1:0", Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := huntpages.New(c.Clue.URL(), c.Hunt.URL(), c.Score.URL())
	if err != nil {
		t.Fatal(err)
	}
	server, err := console.Serve(console.Config{Listen: "127.0.0.1:0"}, console.Options{Source: console.Nodes(c.Nodes),
		Links: huntpages.Links(), Pages: map[string]http.Handler{huntpages.Root: pages}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() // of what was passed on
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return c, server
}

func ask(t *testing.T, method, address, body, origin string) (status int, text string, h http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if origin != "" {
		request.Header.Set("Origin", origin)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data), response.Header
}

// Somebody joins, sees clues, guesses and takes a hint, all of one origin, and stands on the live
// leaderboard.
func TestPlay(t *testing.T) {
	c, server := serve(t)
	at := server.URL()
	const team = `The "Ö" / 🦉`
	for _, link := range huntpages.Links() {
		status, text, h := ask(t, http.MethodGet, at+link.Path, "", "")
		if status != 200 || !strings.Contains(text, `type="module"`) || !strings.Contains(h.Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("%s: status %d, %v", link.Path, status, h)
		}
	}
	for _, file := range []string{"play.js", "leaderboard.js", "board.js", "team.js", "hunt.css"} {
		if status, text, _ := ask(t, http.MethodGet, at+"/hunt/assets/"+file, "", ""); status != 200 || text == "" {
			t.Errorf("%s: status %d", file, status)
		}
	}
	join := `{"team":"The \"Ö\" / 🦉"}`
	if status, text, _ := ask(t, http.MethodPost, at+"/hunt/api/hunt/v1/teams", join, "http://evil.example"); status != 403 {
		t.Errorf("a page of another origin joins: status %d, %s", status, text)
	}
	if status, text, _ := ask(t, http.MethodPost, at+"/hunt/api/hunt/v1/teams", join, at); status != 201 {
		t.Fatalf("join: status %d, %s", status, text)
	}
	if err := c.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := c.Played.Clues[0]
	if status, text, _ := ask(t, http.MethodGet, at+"/hunt/api/clue/v1/teams/"+url.PathEscape(team)+"/clues", "", ""); status != 200 || !strings.Contains(text, `"id":"`+first.ID+`"`) {
		t.Errorf("clues: status %d, %s", status, text)
	}
	hint := `{"team":"The \"Ö\" / 🦉","clue":"` + first.ID + `"}`
	if status, text, _ := ask(t, http.MethodPost, at+"/hunt/api/clue/v1/hints", hint, at); status != 200 || !strings.Contains(text, first.Hints[0].Text) {
		t.Errorf("hint: status %d, %s", status, text)
	}
	guess := `{"team":"The \"Ö\" / 🦉","clue":"` + first.ID + `","guess":"` + first.Answers[0] + `"}`
	if status, text, _ := ask(t, http.MethodPost, at+"/hunt/api/clue/v1/answers", guess, at); status != 200 || !strings.Contains(text, "correct") {
		t.Errorf("guess: status %d, %s", status, text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/hunt/api/score/v1/leaderboard/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		if strings.Contains(lines.Text(), `🦉`) {
			if err := server.Close(ctx); err != nil { // while somebody looks at it
				t.Error(err)
			}
			return
		}
	}
	t.Error("the team is not on the live leaderboard")
}

func TestWhatIsNotThere(t *testing.T) {
	_, server := serve(t)
	at := server.URL()
	for _, path := range []string{"/hunt/nothing", "/hunt/api/", "/hunt/api/other/v1/hunt", "/hunt/assets/none.js", "/hunt/api/hunt/v1/nothing"} {
		if status, text, _ := ask(t, http.MethodGet, at+path, "", ""); status != 404 {
			t.Errorf("%s: status %d, %s", path, status, text)
		}
	}
	if _, err := huntpages.New("http://%", "", ""); err == nil || !strings.Contains(err.Error(), "API of clue") {
		t.Errorf("an address that is none: %v", err)
	}
}
