//go:build unix

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/console"
)

// consoles hears from the log where the console is.
type consoles chan string

func (c consoles) Write(line []byte) (int, error) {
	var said struct{ Msg, URL string }
	if err := json.Unmarshal(line, &said); err != nil {
		return 0, err
	}
	if said.Msg == "console" {
		c <- said.URL
	}
	return len(line), nil
}

// A daemon serves the console of its node. Who has a token may change something, and nobody else.
func TestServeShowsAConsole(t *testing.T) {
	for _, test := range []struct {
		token string
		want  string
	}{{"", `"changes":false`}, {"0123456789abcdef", `"changes":true`}} {
		keepLog(t)
		heard := make(consoles, 1)
		slog.SetDefault(slog.New(slog.NewJSONHandler(heard, nil)))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		c := Config{Mesh: mesh.Config{Name: "score-1"}, Console: &console.Config{Listen: "127.0.0.1:0"}}
		if test.token != "" {
			c.Console.Token = mesh.NewSecret(test.token)
		}
		var url string
		f := &fake{}
		f.serving = func() {
			defer cancel()
			url = <-heard
			asked := strings.Replace(url, "http://", "http://anybody:"+test.token+"@", 1)
			if status, text := ask(t, asked+"/api/session"); status != 200 || !strings.Contains(text, test.want) {
				t.Errorf("status %d, %s", status, text)
			}
			if status, _ := ask(t, url+"/api/session"); (status == 401) != (test.token != "") {
				t.Errorf("without a token: status %d", status)
			}
		}
		if err := Serve(ctx, c, f, nil); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		if answer, err := http.Get(url); err == nil {
			answer.Body.Close()
			t.Error("it serves a console after its end")
		}
	}
}

// A console beyond this machine needs a token, as the daemon's file says before anything starts.
func TestConsoleBeyondThisMachineNeedsAToken(t *testing.T) {
	c := Config{Mesh: mesh.Config{Name: "score-1"}, Data: "d", Hunt: "h", Console: &console.Config{Listen: "0.0.0.0:9201"}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "console.token: it is missing") {
		t.Errorf("error: %v", err)
	}
}

// With the seed of an operator whom its node knows, the console asks all nodes.
func TestServeShowsTheWholeMesh(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, _ := pair.PublicKey()
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ seed, want string }{{string(seed), `"problems":[]`}, {"none", "the operator's seed is none"}} {
		keepLog(t)
		heard := make(consoles, 1)
		slog.SetDefault(slog.New(slog.NewJSONHandler(heard, nil)))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		c := Config{Mesh: mesh.Config{Name: "score-1", Operators: []mesh.Operator{{Name: "ada", Key: key}}},
			Console: &console.Config{Listen: "127.0.0.1:0", Operator: mesh.NewSecret(test.seed)}}
		f := &fake{}
		f.serving = func() {
			defer cancel()
			if status, text := ask(t, <-heard+"/api/cascades"); status != 200 || !strings.Contains(text, test.want) {
				t.Errorf("status %d, %s", status, text)
			}
		}
		if err := Serve(ctx, c, f, nil); (err != nil && !errors.Is(err, context.Canceled)) && !strings.Contains(err.Error(), test.want) {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}
}
