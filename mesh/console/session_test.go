package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leafmesh/mesh/door"
)

// serveConsole serves a console that can be asked for invitations.
func serveConsole(t *testing.T, o Options) (*Console, *door.Server) {
	t.Helper()
	c := New(o)
	s, err := door.Serve(door.Config{Listen: "127.0.0.1:0"}, c)
	if err != nil {
		t.Fatal(err)
	}
	s.OnClose(c.Close)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	return c, s
}

func secretOf(path string) string { return `{"secret":"` + strings.TrimPrefix(path, "/#open=") + `"}` }

// Of a private console nobody is answered but the page that took the invitation: not who guesses,
// comes late or again, or from another origin, be it with the secret or the token.
func TestAPrivateConsole(t *testing.T) {
	c, s := serveConsole(t, Options{Source: &fake{}, Changer: Nodes{}, Private: true})
	asked := []string{"/api/session", "/api/live", "/api/limits", "/api/letters", "/api/cascades", "/api/cascade?of=x"}
	refused := func(why string, headers ...string) {
		t.Helper()
		for _, path := range asked {
			if response, text := send(t, http.MethodGet, s.URL()+path, "", headers...); response.StatusCode != 401 || strings.Contains(text, c.token) {
				t.Errorf("%s, %s: status %d, %s", why, path, response.StatusCode, text)
			}
		}
		if response, _ := send(t, http.MethodPost, s.URL()+"/api/cut", "{}", headers...); response.StatusCode != 401 {
			t.Errorf("%s: a change gets status %d", why, response.StatusCode)
		}
	}
	if response, text := send(t, http.MethodGet, s.URL()+"/", ""); response.StatusCode != 200 || strings.Contains(text, c.token) {
		t.Errorf("the page, which has no secret, gets status %d", response.StatusCode)
	}
	refused("nobody was invited", tokenHeader, c.token)
	old := c.Invite()
	invited := c.Invite()
	refused("the invitation was not taken", tokenHeader, c.token)
	open := func(body string, headers ...string) (int, string) {
		t.Helper()
		response, text := send(t, http.MethodPost, s.URL()+"/api/session", body, headers...)
		if response.Header.Get("Set-Cookie") != "" {
			t.Error("it sets a cookie, which browsers send to all ports")
		}
		return response.StatusCode, text
	}
	for name, test := range map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"a guess": {`{"secret":"guess"}`, nil, 403}, "nothing": {`{}`, nil, 403}, "an empty one": {`{"secret":""}`, nil, 403}, "an older one": {secretOf(old), nil, 403},
		"no JSON": {"", nil, 400}, "another origin": {secretOf(invited), []string{"Origin", "http://evil.example"}, 403},
		"another port": {secretOf(invited), []string{"Sec-Fetch-Site", "same-site"}, 403}, "a name of somebody's": {secretOf(invited), []string{"Host", "evil.example"}, 403},
	} {
		if status, text := open(test.body, test.headers...); status != test.want || strings.Contains(text, c.token) {
			t.Errorf("%s: status %d, %s", name, status, text)
		}
	}
	if status, text := open(secretOf(invited), "Origin", s.URL()); status != 200 || !strings.Contains(text, `"token":"`+c.token+`"`) {
		t.Fatalf("the invitation: status %d, %s", status, text)
	}
	if status, text := open(secretOf(invited)); status != 403 || !strings.Contains(text, "was opened before") {
		t.Errorf("the invitation again: status %d, %s", status, text)
	}
	refused("without the token")
	refused("with another token", tokenHeader, c.token+"x")
	if response, text := send(t, http.MethodGet, s.URL()+"/api/session", "", tokenHeader, c.token); response.StatusCode != 200 {
		t.Errorf("the session: status %d, %s", response.StatusCode, text)
	}
	if response, _ := send(t, http.MethodPost, s.URL()+"/api/cut", "{}", tokenHeader, c.token, "Origin", "http://evil.example"); response.StatusCode != 403 {
		t.Errorf("a change from another origin: status %d", response.StatusCode)
	}
}

// An invitation and a session end.
func TestAnInvitationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Source: &fake{}, Private: true})
		defer c.Close()
		isOpen := func() bool { return wall().Before(c.session.end()) }
		take := func() bool {
			return c.session.take(strings.TrimPrefix(c.Invite(), "/#open="), time.Now())
		}
		late := strings.TrimPrefix(c.Invite(), "/#open=")
		time.Sleep(inviteFor)
		if c.session.take(late, time.Now()) || isOpen() {
			t.Error("it is taken when its time is over")
		}
		if !take() || !isOpen() {
			t.Error("it is not taken in time")
		}
		time.Sleep(sessionFor - time.Minute)
		page, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/api/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		page.Header.Set(tokenHeader, c.token)
		served := time.Now()
		c.inSession(c.live.stream)(httptest.NewRecorder(), page)
		if took := time.Since(served); took != time.Minute || isOpen() {
			t.Errorf("the stream of a page ends after %v, and the session is open: %v", took, isOpen())
		}
	})
}

// A console that is not private takes no invitation.
func TestOtherConsolesTakeNoInvitation(t *testing.T) {
	c, s := serveConsole(t, Options{Source: &fake{}})
	if response, _ := send(t, http.MethodPost, s.URL()+"/api/session", secretOf(c.Invite())); response.StatusCode != 405 {
		t.Errorf("status %d", response.StatusCode)
	}
}
