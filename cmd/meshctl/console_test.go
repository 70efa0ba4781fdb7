package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"leafmesh/cmd/meshctl/internal/faketap"
)

// An operator opens the address once, sees all nodes, and changes one of them through the tap of
// another: each question is signed, and the secret of the address opens nothing else.
func TestConsole(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	tap := faketap.Open(t, "clue-1", func(m *nats.Msg) *nats.Msg {
		mu.Lock()
		asked = append(asked, m.Subject+" "+m.Header.Get("Mesh-Signature")[:1]+" "+string(m.Data))
		mu.Unlock()
		return answerAt(map[string]string{
			"all.rules":      `{"answers":[{"node":"clue-1","answer":[]},{"node":"score-1","error":"no","code":403}]}`,
			"all.stats":      `{"answers":[]}`,
			"all.may":        `{"answers":[{"node":"clue-1","error":"no","code":404},{"node":"hunt-1","answer":{"operator":"anna","may":"read"}},{"node":"score-1","answer":{"operator":"anna","may":"change"}}]}`,
			"all.places":     `{"answers":[{"node":"score-1","answer":{"list":[{"type":"clue.clue.solved","place":"handler award"}]}}]}`,
			"at.score-1.cut": `{"answers":[{"node":"score-1","answer":{}}]}`,
			"at.hunt-1.cut":  `{"answers":[{"node":"hunt-1","error":"operator anna may not change anything","code":403}]}`,
		})(m)
	})
	ctx, cancel := context.WithCancel(t.Context())
	printed, results := io.Pipe()
	var problems strings.Builder
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"console", "-s", tap, "--operator", seedFile(t)}, input{strings.NewReader("")}, output{results: results, problems: &problems})
	}()
	defer func() {
		cancel()
		if code := <-ended; code != 0 || problems.String() != "Open this address in a browser on this machine, within two minutes. Ctrl-C ends the console.\n" {
			t.Errorf("exit %d: %s", code, &problems)
		}
		http.DefaultClient.CloseIdleConnections()
	}()
	address, err := bufio.NewReader(printed).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, secret, found := strings.Cut(strings.TrimSpace(address), "/#open=")
	if !found || !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Fatalf("it prints %q", address)
	}
	token := ""
	send := func(method, path, body string, want int, says string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Console-Token", token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want || !strings.Contains(string(text), says) {
			t.Errorf("%s %s: status %d, %s, %v", method, path, response.StatusCode, text, err)
		}
		return string(text)
	}
	send("GET", "/api/limits", "", 401, "run meshctl console")
	_, session, _ := strings.Cut(send("POST", "/api/session", `{"secret":"`+secret+`"}`, 200, `"changes":true`), `"token":"`)
	token, _, _ = strings.Cut(session, `"`)
	send("POST", "/api/session", `{"secret":"`+secret+`"}`, 403, "run meshctl console again")
	send("GET", "/api/limits", "", 200, `"places":[{"node":"score-1","type":"clue.clue.solved","place":"handler award"`)
	send("GET", "/api/limits", "", 200, `"changes":["score-1"]`)
	send("POST", "/api/cut", `{"node":"score-1","type":"clue.clue.solved","place":"handler award","cut":true}`, 200, "{}")
	send("POST", "/api/cut", `{"node":"hunt-1","type":"clue.clue.solved","place":"handler award","cut":true}`, 422, "operator anna may not change anything")
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(asked, "\n")
	if !strings.Contains(all, `mesh.ops.at.score-1.cut`) || !strings.Contains(all, `{"type":"clue.clue.solved","place":"handler award"}`) || strings.Contains(all, secret) {
		t.Errorf("asked\n%s", all)
	}
}

// It is served to this machine alone.
func TestConsoleElsewhere(t *testing.T) {
	if _, stderr, code := meshctl("console", "-s", "nats://operator:secret@127.0.0.1:1", "--listen", "0.0.0.0:0"); code != 1 || !strings.Contains(stderr, "listen on 127.0.0.1") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
