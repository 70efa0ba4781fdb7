package door

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "0123456789abcdef"

func serve(t *testing.T, c Config, h http.Handler) *Server {
	t.Helper()
	s, err := Serve(c, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Who has the token gets in, be it a program or a browser; without one this machine alone does, by
// its own names.
func TestWhoGetsIn(t *testing.T) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	local := serve(t, Config{Listen: "127.0.0.1:0"}, hello)
	guarded := serve(t, Config{Listen: "0.0.0.0:0", Token: config.NewSecret(token)}, hello)
	for _, test := range []struct {
		name   string
		server *Server
		host   string
		with   func(*http.Request)
		want   int
	}{
		{"nobody else's name", local, "", nil, 200},
		{"localhost", local, "localhost:9", nil, 200},
		{"six", local, "[::1]:9", nil, 200},
		{"a page that passes for us", local, "evil.example:9", nil, 403},
		{"another address", local, "192.0.2.1", nil, 403},
		{"no token", guarded, "", nil, 401},
		{"a token", guarded, "node.example", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, 200},
		{"a wrong token", guarded, "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token+"x") }, 401},
		{"no scheme", guarded, "", func(r *http.Request) { r.Header.Set("Authorization", token) }, 401},
		{"a password", guarded, "node.example", func(r *http.Request) { r.SetBasicAuth("anybody", token) }, 200},
		{"a wrong password", guarded, "", func(r *http.Request) { r.SetBasicAuth("anybody", "guess") }, 401},
		{"a token as the user", guarded, "", func(r *http.Request) { r.SetBasicAuth(token, "") }, 401},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.server.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.host != "" {
			request.Host = test.host
		}
		if test.with != nil {
			test.with(request)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != test.want || (test.want == 200) != (string(text) == "hello") {
			t.Errorf("%s: status %d, want %d: %s", test.name, response.StatusCode, test.want, text)
		}
		if asked := strings.Join(response.Header.Values("WWW-Authenticate"), " "); (test.want == 401) != strings.Contains(asked, "Basic realm=") {
			t.Errorf("%s: a browser is asked for %q", test.name, asked)
		}
	}
}

// Close ends streams, be it by their contexts or by OnClose, lets what is bounded end, and cuts it
// if it does not end in time.
func TestCloseEndsStreams(t *testing.T) {
	for _, test := range []struct {
		name          string
		bounded, told bool
		limit         time.Duration
		cut           bool
	}{
		{name: "a stream", limit: 20 * time.Second},
		{name: "bounded, and told", bounded: true, told: true, limit: 20 * time.Second},
		{name: "bounded, and too slow", bounded: true, limit: 20 * time.Millisecond, cut: true},
	} {
		ends, begun, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
		var h http.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			defer close(ended)
			close(begun)
			select {
			case <-ends:
				if r.Context().Err() != nil {
					t.Errorf("%s: its context has ended", test.name)
				}
			case <-r.Context().Done():
				if test.told {
					t.Errorf("%s: its context ends", test.name)
				}
			}
		})
		if test.bounded {
			h = Bounded(h)
		}
		s := serve(t, Config{Listen: "127.0.0.1:0"}, h)
		if test.told {
			s.OnClose(func() { close(ends) })
		}
		go func() {
			if answer, err := http.Get(s.URL()); err == nil {
				_ = answer.Body.Close()
			}
		}()
		<-begun
		ctx, cancel := context.WithTimeout(context.Background(), test.limit)
		err := s.Close(ctx)
		cancel()
		if test.cut != errors.Is(err, context.DeadlineExceeded) || !test.cut && err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		<-ended
	}
}
